"""`bundle`, `verify BUNDLE` and `reproduce BUNDLE`, on a small real study."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from move37 import app
from move37.app.reproducing import agreement
from move37.core.errors import Refused, StudyError
from move37.faces.cli.main import run_command
from move37.store import codec
from move37.store.bundle import digest, facts_of, read_bundle, write_bundle

EVALUATE = """\
awk -v seed="$MOVE37_SEED" -F ' = ' '
  BEGIN  { srand(seed); noise = rand() - 0.5 }
  /rate/ { loss = (log($2) + 2) ^ 2 }
  END    { printf "loss: %.6f\\n", loss + 0.1 * noise }
' program.py > "$MOVE37_OUT/loss"
"""
TASK = """\
goal = "Lower the loss."
[files]
edit = ["program.py"]
link = ["data"]
hide = ["answers.txt"]
[evaluate]
run = "sh evaluate.sh"
score = "grep -q right answers.txt && grep -q much data/input && cat $MOVE37_OUT/loss"
timeout = "60s"
memory = "512MB"
[metric]
name = "loss"
goal = "minimize"
"""
SETTINGS = app.RunSettings(experiments=0, workers=1, check=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = tmp_path_factory.mktemp("study") / "task"
    (task / "data").mkdir(parents=True)
    (task / "data" / "input").write_text("much\n")
    (task / "answers.txt").write_text("right\n")
    (task / "move37.toml").write_text(TASK)
    (task / "evaluate.sh").write_text(EVALUATE)
    (task / "program.py").write_text("rate = 0.01\n")
    app.run(task, SETTINGS)
    (task / "program.py").write_text("rate = 0.13\n")
    result = app.run(task, replace(SETTINGS, experiments=1))
    assert result.certified is not None
    assert result.certified.claim
    return task


@pytest.fixture(scope="module")
def sent(study: Path) -> Path:
    path = study.parent / "study.tar.gz"
    app.bundle(study, path)
    return path


def forged(
    sent: Path, path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]
) -> Path:
    """A bundle that somebody changed, and whose digests fit again."""
    members = read_bundle(sent)
    manifest = json.loads(members.pop("bundle.json"))
    change(manifest, members)
    manifest["digests"] = {name: digest(data) for name, data in members.items()}
    write_bundle(path, {"bundle.json": json.dumps(manifest).encode(), **members})
    return path


def with_fact(members: dict[str, bytes], old: str, new: str, *, chained: bool) -> None:
    """The facts with other words, and the digests of a careless or of a careful forger."""
    lines: list[str] = []
    previous = b""
    for seq, at, kind, body, proof in facts_of(members):
        changed = body.replace(old, new)
        if chained:
            proof = codec.chain(previous, seq, at, kind, changed.encode())
        previous = proof
        lines.append(json.dumps([seq, at, kind, changed, proof.hex()]))
    members["facts.jsonl"] = "\n".join(lines).encode()


def test_a_bundle_is_the_same_bytes_each_time_and_says_what_it_holds(
    study: Path, sent: Path, tmp_path: Path
) -> None:
    done = app.bundle(study, tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == sent.read_bytes()
    assert done.data == ("answers.txt", "data/input")
    assert (done.left_out, done.programs) == ((), 2)


def test_its_figures_can_be_computed_again_anywhere(sent: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copy(sent, tmp_path / "x.tar.gz")
    found = app.verify_bundle(Path(elsewhere))
    assert found.ok, found.mismatches
    assert found.facts > 10
    assert run_command(["verify", str(elsewhere)]) == 0


def test_its_champion_runs_again_on_fresh_seeds_and_agrees(sent: Path) -> None:
    found = app.reproduce(sent, pairs=3, seed=7)
    assert found is not None
    assert (found.verdict, found.pairs, found.failed) == ("agrees", 3, 0)
    assert found == app.reproduce(sent, pairs=3, seed=7)


def test_no_path_of_the_user_is_in_it(study: Path, sent: Path) -> None:
    for name, data in read_bundle(sent).items():
        assert str(study).encode() not in data, name
        assert str(Path.home()).encode() + b"/" not in data, name


def test_a_secret_of_the_environment_is_never_given_away(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "Lower the loss.")
    with pytest.raises(StudyError, match="SOME_API_KEY"):
        app.bundle(study, tmp_path / "b.tar.gz")
    assert not (tmp_path / "b.tar.gz").exists()


def test_without_its_data_it_can_be_verified_and_not_run(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    app.bundle(study, path, data=False)
    assert app.verify_bundle(path).ok
    assert not any(b"right\n" in data for data in read_bundle(path).values())
    with pytest.raises(
        StudyError, match=r"lacks data that every trial needs: 'answers.txt', 'data'"
    ):
        app.reproduce(path)


def test_a_changed_fact_breaks_the_chain(sent: Path, tmp_path: Path) -> None:
    path = forged(
        sent,
        tmp_path / "b.tar.gz",
        lambda _, members: with_fact(members, '"claim":true', '"claim":false', chained=False),
    )
    assert any(
        "was changed after it was written" in each for each in app.verify_bundle(path).mismatches
    )


def test_a_changed_effect_is_seen_even_behind_a_new_chain(sent: Path, tmp_path: Path) -> None:
    path = forged(
        sent,
        tmp_path / "b.tar.gz",
        lambda _, members: with_fact(members, '"low":', '"low":1', chained=True),
    )
    assert not app.verify_bundle(path).ok


def test_a_changed_table_is_seen(sent: Path, tmp_path: Path) -> None:
    def better(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        manifest["table"]["claims"][0][1] *= 2

    found = app.verify_bundle(forged(sent, tmp_path / "b.tar.gz", better))
    assert len(found.mismatches) == 1
    assert "table: claims, 0, 1" in found.mismatches[0]
    assert run_command(["verify", str(tmp_path / "b.tar.gz")]) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"parents":[0]', '"parents":[9]'), ('"epoch":0', '"epoch":7'), ('"experiment":1', '"experiment":-1'),
        ('"goal":"minimize"', '"goal":7'), ('"score":', '"score":1e999,"x":'), ('"seed":', '"seed":1e5,"x":'),
        ('"commit":"', '"commit":"../../'), ('"baseline":0', '"baseline":5'), ('"purpose":"', '"purpose":"x'),
    ],
)  # fmt: skip
def test_facts_that_no_engine_wrote_are_refused_in_a_sentence(
    sent: Path, tmp_path: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = forged(
        sent, tmp_path / "b.tar.gz", lambda _, members: with_fact(members, old, new, chained=True)
    )
    assert run_command(["verify", str(path)]) in (1, 2)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("key", ["programs", "attachments", "table", "left_out", "data"])
def test_a_manifest_that_lacks_something_is_refused(sent: Path, tmp_path: Path, key: str) -> None:
    path = forged(sent, tmp_path / "b.tar.gz", lambda manifest, _: manifest.pop(key))  # pyright: ignore[reportArgumentType]
    with pytest.raises(Refused):
        app.verify_bundle(path)


def test_a_stranger_s_task_is_not_granted_what_it_asks_for(sent: Path, tmp_path: Path) -> None:
    def greedy(_: dict[str, Any], members: dict[str, bytes]) -> None:
        with_fact(members, '"read":[]', '"read":["/etc"]', chained=True)

    path = forged(sent, tmp_path / "b.tar.gz", greedy)
    with pytest.raises(StudyError, match="asks to read or to be told '/etc'"):
        app.reproduce(path, pairs=2)


def test_a_fresh_interval_agrees_contradicts_or_leaves_it_open() -> None:
    claimed = (1.0, 2.0)
    assert agreement(claimed, (0.5, 1.5), 0.0)[0] == "agrees"
    assert agreement(claimed, (3.0, 4.0), 0.0)[0] == "agrees"
    assert agreement(claimed, (0.2, 0.8), 0.0)[0] == "contradicts"
    assert agreement(claimed, (-2.0, -0.5), 0.0)[0] == "contradicts"
    assert agreement(claimed, (-1.0, 3.0), 0.0)[0] == "unclear"
    assert agreement(claimed, None, 0.0)[0] == "unclear"
    assert agreement(None, (1.0, 2.0), 0.0)[0] == "unclear"
