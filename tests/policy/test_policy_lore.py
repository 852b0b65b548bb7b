"""What studies of one user tell each other: effects by hidden traits, and nothing else."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.app.remembering import TAKEN, Remembering, data_directory
from move37.core.facts import Proposed
from move37.core.records import Guess, Hints, Task
from move37.policy.lore import ENDING, KEY, LEAST_LESSONS, Lore, dump, lessons_of, parse
from move37.policy.policy import Lesson, Policy
from move37.search import LineagePosterior
from move37.testing.histories import MadeUpStudy, made_up_task


def worked(lore: Lore | None = None, *, changes: int = 40) -> Policy:
    """The policy of a study in which `secret_knob` helps, and `other_knob` does harm."""
    believer = LineagePosterior()
    told = () if lore is None else lore.read().lessons
    policy = Policy(believer, lessons=told, hide=None if lore is None else lore.hide)
    study = MadeUpStudy(made_up_task(minimize=False), believer, (policy,))
    study.baseline(0.0, 0.1, -0.1)
    for turn in range(changes):
        name = "secret_knob" if turn % 2 else "other_knob"
        id = study.open()
        proposed = propose(id, name)
        study.add(replace(proposed, guess=policy.guess(proposed)))
        study.trial(id, 1.0 if turn % 2 else -1.0)
    return policy


def propose(id: int, name: str) -> Proposed:
    return Proposed(
        experiment=id,
        commit=f"c{id}",
        identity=f"i{id}",
        move="m",
        hypothesis="",
        traits=(f"name:{name}", f"at:hidden/file.py:{name}", f"word:{name}", "node:number"),
    )


def first_guess(lore: Lore, name: str) -> Guess | None:
    """Of a study that has only measured its baseline."""
    believer = LineagePosterior()
    policy = Policy(believer, lessons=lore.read().lessons, hide=lore.hide)
    study = MadeUpStudy(made_up_task(minimize=False), believer, (policy,))
    study.baseline(0.0, 0.1, -0.1)
    return policy.guess(propose(study.open(), name))


def test_a_second_study_begins_with_what_the_first_has_learned(tmp_path: Path) -> None:
    first = Lore(tmp_path, Path("/first"))
    assert first.write(worked(first)) == ""
    second = Lore(tmp_path, Path("/second"))
    good, bad = first_guess(second, "secret_knob"), first_guess(second, "other_knob")
    assert good is not None
    assert bad is not None
    assert good.mean > 0 > bad.mean
    assert good.learned_from == 0


def test_a_study_does_not_learn_from_itself(tmp_path: Path) -> None:
    lore = Lore(tmp_path, Path("/first"))
    lore.write(worked(lore))
    assert Lore(tmp_path, Path("/first")).read().lessons == ()


def test_no_name_no_path_and_no_code_is_told(tmp_path: Path) -> None:
    lore = Lore(tmp_path, Path("/where/it/lies"))
    lore.write(worked(lore))
    [path] = tmp_path.glob(f"*{ENDING}")
    text = path.read_text() + path.name
    for word in ("secret", "knob", "hidden", "file.py", "where", "at:"):
        assert word not in text


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "new"
    lore = Lore(directory, Path("/first"))
    lore.write(worked(lore))
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(directory.stat().st_mode) & 0o077 == 0


def test_hidden_names_differ_from_user_to_user(tmp_path: Path) -> None:
    one, other = (Lore(tmp_path / name, Path("/s")) for name in ("one", "other"))
    assert one.hide("name:lr") != other.hide("name:lr")
    assert one.hide("name:lr") == Lore(tmp_path / "one", Path("/t")).hide("name:lr")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b'{"version": 2, "lessons": []}',
        b'{"version": 1}',
        b'{"version": 1, "lessons": [[{"a": "b"}, 1, 1]]}',
        b'{"version": 1, "lessons": [[{}, 1e999, 1]]}',
        b"[" * 100_000,
        b" " * 1_000_001,
    ],
)
def test_a_broken_file_is_left_out_and_named(tmp_path: Path, content: bytes) -> None:
    lore = Lore(tmp_path, Path("/first"))
    lore.write(worked(lore))
    broken = tmp_path / f"broken{ENDING}"
    broken.write_bytes(content)
    told = Lore(tmp_path, Path("/second")).read()
    assert told.lessons
    [complaint] = told.complaints
    assert str(broken) in complaint
    assert "left out" in complaint


def test_two_may_write_at_once(tmp_path: Path) -> None:
    policy = worked()

    def go(number: int) -> str:
        lore = Lore(tmp_path, Path(f"/study{number % 4}"))
        return lore.write(policy)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(go, range(32))) == {""}
    told = Lore(tmp_path, Path("/another")).read()
    assert told.complaints == ()
    assert len(list(tmp_path.glob(f"*{ENDING}"))) == 4
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert len((tmp_path / KEY).read_bytes()) == 32


def test_a_study_that_has_seen_little_tells_nothing(tmp_path: Path) -> None:
    lore = Lore(tmp_path, Path("/first"))
    lore.write(worked(lore, changes=LEAST_LESSONS - 1))
    assert not list(tmp_path.glob(f"*{ENDING}"))


def test_a_directory_that_cannot_be_used_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lore = Lore(tmp_path / "file" / "below", Path("/first"))
    assert not lore.works
    assert lore.read().lessons == ()
    assert lore.write(worked()) == ""


_features = st.dictionaries(st.text(max_size=20), st.floats(-3, 3), max_size=6)


@given(st.lists(st.tuples(_features, st.none() | st.floats(-9, 9), st.floats(0, 9)), max_size=8))
def test_what_is_told_comes_back(rows: list[tuple[dict[str, float], float | None, float]]) -> None:
    lessons = [Lesson(study=3, features=f, effect=e, variance=v) for f, e, v in rows]
    assert parse(dump(lessons), 3) == lessons


def test_lessons_are_in_units_of_their_study() -> None:
    sizes = [abs(one.effect) for one in lessons_of(worked(), str) if one.effect is not None]
    assert 0.3 < max(sizes) < 3


# --- in the app ------------------------------------------------------------------------------------


def task(*, use: bool = True, remember: bool = True) -> Task:
    return replace(made_up_task(), policy=Hints(use=use, remember=remember))


def test_nothing_is_shared_unless_the_policy_is_used_and_may_remember(tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    for each, environment in (
        (task(use=False), home),
        (task(remember=False), home),
        (task(), {**home, "MOVE37_REMEMBER": "0"}),
    ):
        others = Remembering(each, tmp_path, environment)
        assert others.hide is None
        others.keep()
        assert others.leave(worked()) == ""
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / TAKEN).exists()


def test_a_study_goes_on_with_what_it_took_when_it_began(tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    lore = Lore(data_directory(home) / "policy", Path("/first"))
    lore.write(worked(lore))
    began = Remembering(task(), tmp_path, home)
    began.keep()
    assert began.lessons
    lore.write(worked(lore, changes=20))
    assert Remembering(task(), tmp_path, home).lessons == began.lessons


def test_a_broken_note_of_what_was_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / TAKEN).write_text(json.dumps({"version": 9}))
    others = Remembering(task(), tmp_path, {"XDG_DATA_HOME": str(tmp_path / "data")})
    assert others.lessons == ()
    assert TAKEN in others.told.complaints[0]
