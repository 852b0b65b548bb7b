"""Evaluations that misbehave, in every sandbox that this machine has: a sentence each, no harm done."""

import time
from pathlib import Path

import pytest
from trial_lab import METRIC, Lab, task_of

from move37.core.errors import SandboxError
from move37.core.records import Fence, Measured
from move37.sandbox import make_sandbox


@pytest.fixture(params=["plain", "user", "root"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    scratch = tmp_path / "slot0"
    scratch.mkdir()
    try:
        sandbox = make_sandbox(Fence(level=request.param), slot=0, scratch=scratch)
    except SandboxError as error:
        pytest.skip(str(error))
    return Lab(scratch, sandbox)


GOOD = f"echo {METRIC}: 0.5"


def test_a_good_evaluation_is_measured(lab: Lab) -> None:
    outcome, _ = lab.try_out(task_of(f"echo {METRIC}: $MOVE37_SEED; echo x > $MOVE37_OUT/y"))
    assert isinstance(outcome, Measured)
    assert outcome.score == 42
    assert outcome.seconds > 0
    assert outcome.cpu_seconds < 10
    assert 0 < outcome.peak_memory_mb < 500


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("true", "prints nothing"),
        ("echo loss: 1; echo time: 2", "prints no 'val_bpb', but 'time', 'loss'"),
        (f"echo {METRIC}: nan", "prints NaN"),
        (f"echo {METRIC}: 1; echo oh no >&2; exit 7", "`run` exited with status 7: oh no"),
        ("kill -KILL $$", "`run` was killed by signal 9 (SIGKILL)"),
        ("exec 1>&- 2>&-; exit 0", "prints nothing"),
    ],
)
def test_an_evaluation_that_gives_no_number_says_why(lab: Lab, command: str, reason: str) -> None:
    assert reason in lab.failure(task_of(command)).reason


def test_one_that_prints_the_metric_twice_means_the_last(lab: Lab) -> None:
    outcome, _ = lab.try_out(task_of(f"echo {METRIC}: 1; echo {METRIC}: 2"))
    assert isinstance(outcome, Measured)
    assert outcome.score == 2


def test_one_that_hangs_is_ended_at_its_time(lab: Lab) -> None:
    failed = lab.failure(task_of("trap '' TERM INT HUP; sleep 60", timeout_seconds=0.5))
    assert failed.reason == "`run` ran over its 0.5 s, and printed nothing"


def test_children_that_outlive_it_do_not(lab: Lab) -> None:
    marker = lab.directory("out") / "alive"
    stay = "(trap '' HUP; while sleep 0.05; do date > $MOVE37_OUT/alive; done) >/dev/null 2>&1 &"
    until_it_runs = "until test -s $MOVE37_OUT/alive; do sleep 0.02; done"
    outcome, _ = lab.try_out(task_of(f"{stay} {until_it_runs}; {GOOD}"))
    assert isinstance(outcome, Measured)
    marker.unlink()
    time.sleep(0.3)
    assert not marker.exists()


def test_one_that_prints_without_end_is_read_at_both_ends(lab: Lab) -> None:
    outcome, attachments = lab.try_out(
        task_of(f"echo begin: 1; yes chatter | head -c 20000000; echo; {GOOD}")
    )
    assert isinstance(outcome, Measured)
    assert outcome.metrics == {"begin": 1.0, METRIC: 0.5}
    assert len(attachments["x3-search-1/stdout"]) < 5_000_000


def test_one_that_needs_too_much_memory_is_told_so(lab: Lab) -> None:
    hog = "data = []\nwhile True: data.append(bytearray(b'x') * 2**24)"
    (lab.directory("work") / "hog.py").write_text(hog)
    failed = lab.failure(task_of("python3 hog.py", memory_bytes=256 * 1024**2))
    assert failed.stage == "run"
    assert "memory" in failed.reason.lower()


def test_fixed_files_cannot_be_changed_and_score_would_not_see_it(lab: Lab) -> None:
    for place in ("work", "score"):
        (lab.directory(place) / "truth").write_text("0.5")
    run = "(rm -f truth; echo 99 > truth; chmod 777 truth) 2>/dev/null; true"
    outcome, _ = lab.try_out(task_of(run, score=f"echo {METRIC}: $(cat truth)"), protect=("truth",))
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.5


def test_score_reads_what_run_left_and_the_hidden_files(lab: Lab) -> None:
    run = "ls holdout/answer 2>/dev/null && exit 1; echo 3 > $MOVE37_OUT/guess"
    score = f"echo {METRIC}: $(($(cat $MOVE37_OUT/guess) - $(cat holdout/answer)))"
    outcome, _ = lab.try_out(task_of(run, score=score), hidden="1")
    assert isinstance(outcome, Measured)
    assert outcome.score == 2


def test_units_of_a_scored_evaluation_are_not_the_candidates(lab: Lab) -> None:
    forge = "echo '{\"a\": 99}' > $MOVE37_OUT/units.json; chmod 0 $MOVE37_OUT/units.json"
    write = "echo '{\"a\": 1}' > $MOVE37_OUT/units.json"
    outcome, kept = lab.try_out(task_of(forge, score=GOOD))
    assert isinstance(outcome, Measured)
    assert "x3-search-1/units" not in kept
    outcome, kept = lab.try_out(task_of(forge, score=f"{GOOD}; {write}"))
    assert isinstance(outcome, Measured)
    assert kept["x3-search-1/units"] == b'{"a":1.0}'


@pytest.mark.parametrize("trick", ["ln -s /etc/passwd units.json", "mkfifo units.json"])
def test_leftovers_cannot_make_the_engine_read_or_wait(lab: Lab, trick: str) -> None:
    failed = lab.failure(task_of(f"{GOOD}; cd $MOVE37_OUT; {trick}"))
    assert failed.reason.startswith("`units.json` ")


def test_a_stopped_trial_leaves_no_outcome(lab: Lab) -> None:
    assert lab.attempt(task_of("sleep 60"), stop=lambda: True) is None


@pytest.mark.slow
def test_one_that_prints_a_gigabyte_costs_time_only(lab: Lab) -> None:
    outcome, attachments = lab.try_out(
        task_of(f"yes chatter | head -c 1000000000; echo; {GOOD}", timeout_seconds=120)
    )
    assert isinstance(outcome, Measured)
    assert len(attachments["x3-search-1/stdout"]) < 5_000_000
