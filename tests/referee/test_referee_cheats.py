"""The cheat report: what is remarked on a change, and what is not."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cheat_corpus import CHEATS, HONEST, METRICS, TRAINER, Case
from hypothesis import given
from hypothesis import strategies as st

from move37 import gallery
from move37.core.records import Direction, Metric, Remark
from move37.referee.cheat_signals import Surroundings
from move37.referee.cheat_words import TOPICS, WHY
from move37.referee.cheats import Change, cheat_report, is_test_like, read_change


def around(metric: str = "val_loss") -> Surroundings:
    return Surroundings(
        metric=Metric(name=metric, direction=Direction.MINIMIZE),
        is_scored=False,
        editable=lambda path: path not in ("prepare.py", "data.py"),
        fixed=frozenset(("prepare.py", "data.py")),
        hidden=frozenset(("hidden/",)),
    )


def remarks_on(case: Case) -> list[Remark]:
    change = Change(path=case.path, old=case.old.encode(), new=case.new.encode())
    return read_change([change], around(METRICS.get(case.path, "seconds")))


def remarks(old: str, new: str, path: str = "train.py") -> list[Remark]:
    return read_change([Change(path=path, old=old.encode(), new=new.encode())], around())


def told(found: list[Remark]) -> str:
    return "; ".join(f"{r.gravity} {r.path}:{r.line} {r.topic}: {r.what}" for r in found)


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(HONEST) >= 40
    assert len(CHEATS) >= 25
    assert all(case.new != case.old for case in (*HONEST, *CHEATS))


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.name)
def test_an_honest_edit_raises_no_alarm(case: Case) -> None:
    found = remarks_on(case)
    assert all(remark.gravity == "note" for remark in found), told(found)


@pytest.mark.parametrize("case", CHEATS, ids=lambda case: case.name)
def test_a_cheat_is_remarked_on_where_it_stands(case: Case) -> None:
    found = [r for r in remarks_on(case) if r.topic == case.topic and r.gravity != "note"]
    assert found, told(remarks_on(case)) or "nothing"
    added = set(case.new.splitlines()) - set(case.old.splitlines())
    assert all(case.new.splitlines()[(r.line or 0) - 1] in added for r in found), told(found)


@pytest.mark.parametrize("case", CHEATS, ids=lambda case: case.name)
def test_what_was_there_before_is_not_held_against_a_change(case: Case) -> None:
    later = case.new + ("\n# a comment\n" if case.path.endswith(".py") else "\n")
    change = Change(path=case.path, old=case.new.encode(), new=later.encode())
    assert read_change([change], around()) == []


def test_a_remark_says_what_where_why_and_how_grave() -> None:
    old = "import prepare\n\nx = prepare.load()\n"
    report = cheat_report(
        7,
        [
            Change(
                path="train.py",
                old=old.encode(),
                new=(old + "prepare.score = max\nprint(x)\n").encode(),
            )
        ],
        around(),
    )
    assert report.experiment == 7
    assert report.gravest == "serious"
    (remark,) = report.remarks
    assert (remark.path, remark.line, remark.topic) == ("train.py", 4, "patch")
    assert remark.what == "replaces prepare.score, which belongs to another module"
    assert remark.why == WHY["patch"]


def test_the_gravest_comes_first() -> None:
    new = TRAINER.replace(
        "    began = time", "    time.sleep(1)\n    os._exit(0)\n    began = time"
    )
    gravities = [remark.gravity for remark in cheat_report(1, [_change(new)], around()).remarks]
    assert gravities == ["serious", "look"]


def _change(new: str, old: str = TRAINER, path: str = "train.py") -> Change:
    return Change(path=path, old=old.encode(), new=new.encode())


def test_what_is_done_several_times_is_told_once() -> None:
    new = TRAINER + "\n\nif False:\n    time.sleep(1)\n    time.sleep(1)\n    time.sleep(1)\n"
    (remark,) = read_change([_change(new)], around())
    assert remark.what == "waits (time.sleep), 3 times"


def test_a_seed_that_was_changed_is_graver_than_one_that_is_new() -> None:
    old = "import numpy as np\nrng = np.random.default_rng(0)\n"
    changed = remarks(old, old.replace("(0)", "(7)"))
    added = remarks("import numpy as np\n", old)
    assert [(r.topic, r.gravity) for r in changed] == [("seed", "serious")]
    assert [(r.topic, r.gravity) for r in added] == [("seed", "note")]


def test_the_modules_that_a_candidate_may_edit_are_its_own() -> None:
    old = "import config\n"
    new = old + "config.rate = 0.1\n"
    own = replace(around(), own=frozenset(("config.py", "train.py")))
    assert [r.gravity for r in remarks(old, new)] == ["serious"]
    assert [r.gravity for r in read_change([_change(new, old)], own)] == ["note"]


def test_a_trusted_score_does_not_read_what_is_printed() -> None:
    new = TRAINER.replace("{prepare.evaluate(forward, weights):.6f}", "0.1")
    scored = replace(around(), is_scored=True)
    assert [r.gravity for r in read_change([_change(new)], around())] == ["serious"]
    assert [r.gravity for r in read_change([_change(new)], scored)] == ["note"]


def test_names_are_followed_wherever_they_come_from() -> None:
    ways = (
        "import time as t\nt.sleep(1)\n",
        "from time import sleep\nsleep(1)\n",
        "from time import sleep as rest\nrest(1)\n",
        "import time\nwait = time.sleep\nwait(1)\n",
        "import prepare\nprepare.time.sleep(1)\n",
        "import time\n\n\ndef f(pause=time.sleep):\n    pause(1)\n",
        "def f():\n    import time\n    time.sleep(1)\n",
    )
    for new in ways:
        assert [r.topic for r in remarks("x = 1\n", new)] == ["timing"], new


def test_names_of_ones_own_say_nothing() -> None:
    new = (
        "class Model:\n    def eval(self):\n        return self\n\n\n"
        "def sleep(x):\n    return x\n\n\nsleep(Model().eval())\nre.compile('x')\n"
        "model.compile()\nself.system = 1\nenviron = {}\nenviron['a'] = 1\n"
    )
    assert remarks("x = 1\n", new) == []


@pytest.mark.parametrize(
    "path",
    [
        "tests/data.json",
        "test_model.py",
        "model_test.go",
        "src/parser.test.js",
        "conftest.py",
        "setup.cfg",
        "pytest.ini",
        "fixtures/a.txt",
        "golden/out.txt",
        "lib/__snapshots__/x.snap",
    ],
)
def test_files_that_judge_are_known_by_their_names(path: str) -> None:
    assert is_test_like(path)
    found = read_change([Change(path=path, old=b"a\n", new=b"b\n")], around())
    assert [(r.topic, r.gravity) for r in found] == [("tests", "look")]


@pytest.mark.parametrize(
    "path", ["train.py", "latest.py", "contest.c", "attest/model.py", "a.json"]
)
def test_other_files_are_not_taken_for_tests(path: str) -> None:
    assert not is_test_like(path)


@pytest.mark.parametrize("path", ["random.py", "x/prepare.py", "sitecustomize.py", "numpy.pth"])
def test_a_new_file_that_takes_the_place_of_a_module_is_serious(path: str) -> None:
    where = replace(around(), fixed=frozenset(("lib/prepare.py",)))
    found = read_change([Change(path=path, old=None, new=b"x = 1\n")], where)
    assert [(r.topic, r.gravity) for r in found] == [("patch", "serious")]


def test_a_file_that_cannot_be_read_is_told_as_such() -> None:
    new = Change(path="weights.bin", old=None, new=b"\0\1\2" * 90_000)
    assert {r.topic for r in read_change([new], around())} == {"reading", "answers"}


def test_a_file_that_must_not_change_is_serious() -> None:
    found = read_change([Change(path="prepare.py", old=b"x = 1\n", new=b"x = 2\n")], around())
    assert ("tests", "serious") in [(r.topic, r.gravity) for r in found]


def test_code_that_does_not_parse_is_still_read() -> None:
    new = "def f(:\n    os.fork()\n    system('ls')\n"
    assert {r.topic for r in remarks("x = 1\n", new)} == {"processes"}


def test_every_topic_has_a_reason() -> None:
    assert set(TOPICS) == set(WHY)
    assert all(not why.endswith(".") for why in WHY.values())
    assert {case.topic for case in CHEATS} <= set(TOPICS)


@given(
    st.text(max_size=200), st.text(max_size=200), st.sampled_from(["a.py", "a.c", "a.yaml", "a"])
)
def test_reading_never_fails_and_what_did_not_change_is_never_remarked_on(
    old: str, new: str, path: str
) -> None:
    def read(before: str, after: str) -> list[Remark]:
        change = Change(
            path=path,
            old=before.encode("utf-8", "replace"),
            new=after.encode("utf-8", "replace"),
        )
        return read_change([change], around())

    read(old, new)
    assert read(new, new) == []


_pieces = st.lists(
    st.sampled_from(
        ["time.sleep(1)", "os.environ['A']", "x = 1", "prepare.f = 2", "eval('1')", "SEED = 3", ""]
    ),
    max_size=6,
)


@given(_pieces, _pieces)
def test_a_remark_is_on_a_line_that_was_added_or_done_more_often(
    old: list[str], new: list[str]
) -> None:
    head = "import time, os, prepare\n"
    for remark in remarks(head + "\n".join(old), head + "\n".join(new)):
        line = (head + "\n".join(new)).splitlines()[(remark.line or 0) - 1]
        assert new.count(line) > old.count(line)


CHAMPIONS = (
    {
        "EMBEDDING": "64",
        "ACTIVATION": '"gelu"',
        "EMBEDDING_SCALE": "0.59",
        "WEIGHT_SCALE": "0.03",
        "BATCH_SIZE": "128",
        "LEARNING_RATE": "0.003",
        "BETA1": "0.1",
    },
    {
        "EMBEDDING": "64",
        "HIDDEN": "256",
        "ACTIVATION": '"relu"',
        "EMBEDDING_SCALE": "0.5",
        "WEIGHT_SCALE": "0.0003",
        "BATCH_SIZE": "64",
        "OPTIMIZER": '"nadam"',
        "LEARNING_RATE": "0.0038",
        "BETA1": "0.3",
        "AVERAGE_STEPS": "240",
    },
    {"LEARNING_RATE": "0.003", "WEIGHT_SCALE": "0.3"},
)
"""What `tune` made of `bpb`, in studies that were certified."""


@pytest.mark.parametrize("champion", CHAMPIONS)
def test_the_champions_of_the_gallery_need_no_remark(champion: Mapping[str, str]) -> None:
    task = Path(gallery.__file__).parent / "bpb" / "task"
    old = (task / "train.py").read_text()
    new = old
    for name, value in champion.items():
        new, times = re.subn(rf"^{name} = \S+", f"{name} = {value}", new, flags=re.MULTILINE)
        assert times == 1
    where = replace(
        around("val_bpb"), own=frozenset({"train.py"}), fixed=frozenset({"prepare.py", "layers.py"})
    )
    assert read_change([_change(new, old)], where) == []
