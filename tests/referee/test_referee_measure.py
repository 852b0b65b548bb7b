"""One trial: what is run, what is believed, and what is said when there is nothing to believe."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from trial_lab import METRIC, TASK, Lab, task_of

from move37.core.facts import Checked
from move37.core.records import (
    Check,
    CheckJob,
    Ending,
    Exit,
    Failed,
    Launch,
    Limit,
    Measured,
    Purpose,
    Task,
)
from move37.referee.measure import METRICS_KEPT, check, last_lines
from move37.testing.histories import made_up_task
from move37.testing.sandbox_double import OpenSandbox, ScriptedSandbox, exited


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path, OpenSandbox())


def scripted(tmp_path: Path, *exits: Exit) -> Lab:
    return Lab(tmp_path, ScriptedSandbox(exits))


# --- self-reported -------------------------------------------------------------------------------


def test_a_trial_is_the_number_that_the_program_prints(lab: Lab) -> None:
    outcome, attachments = lab.try_out(task_of(f"echo loss: 7; echo {METRIC}: 0.5; echo hm >&2"))
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.5
    assert outcome.metrics == {"loss": 7.0, METRIC: 0.5}
    assert attachments == {
        "x3-search-1/stdout": f"loss: 7\n{METRIC}: 0.5\n".encode(),
        "x3-search-1/stderr": b"hm\n",
    }


def test_a_minimized_metric_is_flipped_once(lab: Lab) -> None:
    task = replace(made_up_task(minimize=True), evaluate=task_of(f"echo {METRIC}: 0.5").evaluate)
    outcome, _ = lab.try_out(task)
    assert isinstance(outcome, Measured)
    assert (outcome.score, outcome.metrics[METRIC]) == (-0.5, 0.5)


def test_the_program_is_told_its_seed(lab: Lab) -> None:
    outcome, _ = lab.try_out(task_of(f"echo {METRIC}: $MOVE37_SEED"))
    assert isinstance(outcome, Measured)
    assert outcome.score == 42


def test_seconds_and_memory_are_the_sandboxes(tmp_path: Path) -> None:
    exit = exited(f"{METRIC}: 1", seconds=3.0, cpu_seconds=2.0, peak_memory_bytes=100 * 1024**2)
    outcome, _ = scripted(tmp_path, exit).try_out(task_of("run"))
    assert isinstance(outcome, Measured)
    assert (outcome.seconds, outcome.cpu_seconds, outcome.peak_memory_mb) == (3.0, 2.0, 100.0)


@pytest.mark.parametrize(
    ("command", "stage", "reason"),
    [
        ("true", "metric", "the evaluation prints nothing; print `val_bpb: <number>` on a line"),
        (f"echo {METRIC}: nan", "metric", "the evaluation prints NaN for 'val_bpb'"),
        ("echo loss: 1", "metric", "the evaluation prints no 'val_bpb', but 'loss'; print"),
        (f"echo {METRIC}: 1 >&2", "metric", "(it is on stderr; print it to stdout)"),
        (f"echo {METRIC}: 1; exit 3", "run", "`run` exited with status 3: val_bpb: 1"),
        ("exit 1", "run", "`run` exited with status 1, and printed nothing"),
        ("echo so; echo Bad luck >&2; exit 1", "run", "`run` exited with status 1: Bad luck"),
        ("kill -SEGV $$", "run", "`run` was killed by signal 11 (SIGSEGV), and printed nothing"),
        ("no-such-program", "run", "`run` exited with status 127: /bin/sh: 1: no-such-program"),
    ],
)
def test_an_evaluation_that_fails_says_why_in_a_sentence(
    lab: Lab, command: str, stage: str, reason: str
) -> None:
    failed = lab.failure(task_of(command))
    assert failed.stage == stage
    assert reason in failed.reason
    assert "\n" not in failed.reason


def test_a_limit_that_nobody_wrote_is_one_of_run_alone_and_says_what_to_write(lab: Lab) -> None:
    tried = lab.attempt(task_of("echo step 7; sleep 60"), limit_seconds=0.3)
    assert tried is not None
    outcome = tried[0].outcome
    assert isinstance(outcome, Failed)
    assert outcome.reason == (
        "`run` ran over its 0.3 s: step 7 (many times what the baseline took; write [evaluate] "
        "timeout to allow more)"
    )
    slow = task_of("echo 1 > $MOVE37_OUT/x", score="sleep 0.6; echo val_bpb: 1")
    tried = lab.attempt(slow, limit_seconds=0.5)
    assert tried is not None
    assert isinstance(tried[0].outcome, Measured)


def test_an_evaluation_that_hangs_is_ended(lab: Lab) -> None:
    failed = lab.failure(task_of("echo step 7; sleep 60", timeout_seconds=0.3))
    assert failed.reason == "`run` ran over its 0.3 s: step 7"
    assert failed.output == "step 7"
    assert failed.seconds >= 0.3


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("memory", "`run` needed more than its 4 GB of memory: MemoryError"),
        ("disk", "`run` wrote more than its 8 GB of files: MemoryError"),
    ],
)
def test_each_limit_of_the_sandbox_is_named(tmp_path: Path, ending: Ending, reason: str) -> None:
    exit = exited("", "Traceback\nMemoryError", ending=ending, code=9)
    assert scripted(tmp_path, exit).failure(task_of("run")).reason == reason


def test_a_stopped_trial_is_no_trial(tmp_path: Path) -> None:
    stopped = exited(ending="stopped")
    task = task_of("run", score="score")
    assert scripted(tmp_path, stopped).attempt(task) is None
    assert scripted(tmp_path, exited(), stopped).attempt(task) is None


def test_the_last_lines_are_kept_for_the_next_proposer() -> None:
    chatty = "\n".join(f"line {number}" for number in range(1000))
    kept = last_lines(exited(chatty, "a\nb")).splitlines()
    assert len(kept) == 20
    assert kept[-3:] == ["line 999", "a", "b"]
    assert len(last_lines(exited("x" * 10_000, "y" * 10_000))) < 500


def test_a_program_cannot_swell_the_facts_with_metrics(lab: Lab) -> None:
    many = "for i in $(seq 5000); do echo m$i: $i; done"
    task = task_of(f"echo {METRIC}: 1; echo holdout_{METRIC}: 2; echo mb: 3; {many}")
    outcome, _ = lab.try_out(replace(task, limits=(Limit(metric="mb", operator="<", bound=4),)))
    assert isinstance(outcome, Measured)
    assert len(outcome.metrics) == METRICS_KEPT + 3
    assert {METRIC, f"holdout_{METRIC}", "mb", "m5000"} <= outcome.metrics.keys()


def test_output_that_is_not_utf8_is_no_obstacle(lab: Lab) -> None:
    outcome, _ = lab.try_out(task_of(rf"printf '\377\376\n{METRIC}: 2\n\200'"))
    assert isinstance(outcome, Measured)
    assert outcome.score == 2


def test_a_program_cannot_play_tricks_on_the_terminal_of_its_reader(tmp_path: Path) -> None:
    tricky = exited("", "\x1b[2Jgone\x07\x08 \x9b31m \u202e\tend", code=1)
    failed = scripted(tmp_path, tricky).failure(task_of("run"))
    assert failed.reason == "`run` exited with status 1: gone�� �31m �   end"
    assert failed.reason.isprintable()


# --- limits --------------------------------------------------------------------------------------


def limited(printed: str, metric: str, operator: str, bound: float) -> Task:
    limit = Limit(metric=metric, operator=operator, bound=bound)  # pyright: ignore[reportArgumentType]
    return replace(task_of(f"echo {METRIC}: 1; {printed}"), limits=(limit,))


def test_a_metric_within_its_limit_is_fine(lab: Lab) -> None:
    outcome, _ = lab.try_out(limited("echo size: 5", "size", "<=", 5))
    assert isinstance(outcome, Measured)


def test_a_broken_limit_is_a_failure_that_names_both_numbers(lab: Lab) -> None:
    failed = lab.failure(limited("echo size: 5.5", "size", "<=", 5))
    assert failed.stage == "limit"
    assert failed.reason == "size is 5.5, against the limit `size <= 5`"


def test_a_limit_on_what_is_not_printed_is_not_taken_to_hold(lab: Lab) -> None:
    failed = lab.failure(limited("echo size: nan", "size", "<=", 5))
    assert failed.reason.startswith("the limit `size <= 5` cannot be checked")


@pytest.mark.parametrize("metric", ["seconds", "cpu_seconds", "peak_memory_mb"])
def test_the_sandboxes_own_figures_can_be_limited_and_not_lied_about(lab: Lab, metric: str) -> None:
    assert isinstance(lab.try_out(limited("true", metric, "<=", 1000))[0], Measured)
    failed = lab.failure(limited(f"echo {metric}: 1000", metric, ">=", 1000))
    assert failed.stage == "limit"


# --- scored --------------------------------------------------------------------------------------

SCORE = f"echo {METRIC}: $(cat $MOVE37_OUT/answer)"


def test_with_a_score_command_only_what_it_prints_is_believed(lab: Lab) -> None:
    run = f"echo {METRIC}: 99; echo 0.5 > $MOVE37_OUT/answer"
    outcome, attachments = lab.try_out(task_of(run, score=SCORE))
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.5
    assert attachments["x3-search-1/stdout"] == f"{METRIC}: 99\n".encode()
    assert attachments["x3-search-1/score-stdout"] == f"{METRIC}: 0.5\n".encode()


def test_score_runs_in_a_workspace_that_the_candidate_never_had(lab: Lab) -> None:
    (lab.directory("score") / "judge").write_text("0.5")
    (lab.directory("work") / "judge").write_text("0.5")
    task = task_of("echo 99 > judge", score=f"echo {METRIC}: $(cat judge)")
    outcome, _ = lab.try_out(task)
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.5


def test_the_candidates_files_are_data_for_score_and_for_score_alone(lab: Lab) -> None:
    (lab.directory("candidate") / "train.py").write_text("0.5")
    run = 'test -z "$MOVE37_CANDIDATE" || exit 1'
    score = f"echo {METRIC}: $(cat $MOVE37_CANDIDATE/train.py)"
    outcome, _ = lab.try_out(task_of(run, score=score))
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.5


@pytest.mark.parametrize("score", ["python ./judge.py", "python -c 'import judge'"])
def test_a_score_that_relies_on_what_candidates_change_is_told_so(lab: Lab, score: str) -> None:
    (lab.directory("candidate") / "judge.py").write_text("")
    failed = lab.failure(task_of("true", score=score))
    assert failed.stage == "score"
    assert "it needs 'judge.py', which [files] edit lets candidates change" in failed.reason


@pytest.mark.parametrize(
    "score",
    [
        "python score.py",
        "python ./judge/score.py",
        "python -m judge.score",
        "cd judge; python -m score",
    ],
)
def test_score_imports_the_tasks_own_modules(lab: Lab, score: str) -> None:
    place = lab.directory("score")
    (place / "judge").mkdir()
    for home in (place, place / "judge"):
        (home / "score.py").write_text(f"import ruler\nprint('{METRIC}:', ruler.VALUE)\n")
        (home / "ruler.py").write_text("VALUE = 0.5\n")
    protect = ("score.py", "ruler.py", "judge/score.py", "judge/ruler.py")
    outcome, _ = lab.try_out(task_of("true", score=score), protect=protect)
    assert isinstance(outcome, Measured), outcome
    assert outcome.score == 0.5


@pytest.mark.parametrize("place", ["$MOVE37_OUT", "$MOVE37_CANDIDATE"])
def test_score_imports_nothing_from_the_candidate(lab: Lab, place: str) -> None:
    (lab.directory("candidate") / "json.py").write_text(f"print('{METRIC}: 99'); raise SystemExit")
    score = f"cd {place}; python -c 'import json; print(json.dumps(0))'; echo {METRIC}: 1"
    task = task_of(
        f"echo \"print('{METRIC}: 99'); raise SystemExit\" > $MOVE37_OUT/json.py", score=score
    )
    outcome, attachments = lab.try_out(task)
    assert isinstance(outcome, Measured), outcome
    assert attachments["x3-search-1/score-stdout"] == f"0\n{METRIC}: 1\n".encode()


@pytest.mark.parametrize(
    ("trick", "what"),
    [
        ("ln -s /etc/passwd model", "a link in $MOVE37_OUT, 'model'"),
        ("mkdir -p a/b; mkfifo a/b/model", "a pipe in $MOVE37_OUT, 'a/b/model'"),
        ("mkdir a; ln -s .. a/b; chmod 0 a", "a link in $MOVE37_OUT, 'a/b'"),
        (
            "python -c \"import socket; socket.socket(socket.AF_UNIX).bind('s')\"",
            "a socket in $MOVE37_OUT, 's'",
        ),
        (
            "for i in $(seq 99); do mkdir a; cd a; done",
            "directories more than 64 deep in $MOVE37_OUT",
        ),
    ],
)
def test_what_is_no_data_is_not_judged(lab: Lab, trick: str, what: str) -> None:
    failed = lab.failure(task_of(f"cd $MOVE37_OUT; {trick}", score=f"echo {METRIC}: 1"))
    assert failed.stage == "run"
    assert failed.reason.startswith(f"`run` left {what}: leave ")


def test_hidden_files_are_there_for_score_and_not_for_run(lab: Lab) -> None:
    run = "cat holdout/answer > $MOVE37_OUT/stolen || true"
    score = f"test -s $MOVE37_OUT/stolen && exit 1; echo {METRIC}: $(cat holdout/answer)"
    outcome, _ = lab.try_out(task_of(run, score=score), hidden="0.25")
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.25


def test_a_score_command_that_fails_is_told_from_a_program_that_does(lab: Lab) -> None:
    assert lab.failure(task_of("exit 1", score="true")).stage == "run"
    failed = lab.failure(task_of("true", score=SCORE))
    assert (failed.stage, failed.reason[:37]) == ("metric", "the evaluation prints 'val_bpb:', whi")
    broken = lab.failure(task_of("true", score="cat $MOVE37_OUT/answer"))
    assert broken.stage == "score"
    assert "No such file" in broken.reason
    assert "No such file" in broken.output


@pytest.mark.parametrize("purpose", ["search", "certify"])
@pytest.mark.parametrize("score", [None, "score"])
def test_the_holdout_is_shown_where_it_can_be_believed(
    tmp_path: Path, purpose: Purpose, score: str | None
) -> None:
    sandbox = ScriptedSandbox([exited(f"{METRIC}: 1"), exited(f"{METRIC}: 1")])
    Lab(tmp_path, sandbox).try_out(task_of("run", score=score), purpose=purpose, hidden="x")

    def sees(launch: Launch) -> tuple[bool, bool]:
        return bool(launch.mounts), launch.env.get("MOVE37_HOLDOUT") == "1"

    certify = purpose == "certify"
    if score is None:
        assert [sees(launch) for launch in sandbox.launches] == [(certify, certify)]
    else:
        assert [sees(launch) for launch in sandbox.launches] == [(False, False), (True, certify)]
    assert all(launch.env["MOVE37_SEED"] == "42" for launch in sandbox.launches)


@pytest.mark.parametrize("score", [None, "score"])
def test_run_and_score_are_told_the_split(tmp_path: Path, score: str | None) -> None:
    sandbox = ScriptedSandbox([exited(f"{METRIC}: 1"), exited(f"{METRIC}: 1")])
    Lab(tmp_path, sandbox).try_out(task_of("run", score=score), split=17)
    assert [launch.env["MOVE37_SPLIT"] for launch in sandbox.launches] == ["17"] * (
        2 if score else 1
    )


def test_a_hold_out_that_was_looked_at_is_not_shown_again(tmp_path: Path) -> None:
    sandbox = ScriptedSandbox([exited(f"{METRIC}: 1")])
    Lab(tmp_path, sandbox).try_out(
        task_of("run"), purpose="certify", hidden="x", may_see_holdout=False
    )
    [launch] = sandbox.launches
    assert not launch.mounts
    assert "MOVE37_HOLDOUT" not in launch.env


# --- units.json ----------------------------------------------------------------------------------


def write_units(text: str) -> str:
    return f"echo {METRIC}: 1; printf '%s' '{text}' > $MOVE37_OUT/units.json"


def test_units_are_attached(lab: Lab) -> None:
    outcome, attachments = lab.try_out(task_of(write_units('{"b": 2, "a": 1.5}')))
    assert isinstance(outcome, Measured)
    assert attachments["x3-search-1/units"] == b'{"a":1.5,"b":2.0}'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1, 2]", "is not an object from unit name to number"),
        ("{}", "names no unit"),
        ('{"a": 1', "is not JSON; it should look like"),
        ('{"a": "1"}', "maps 'a' to a str, not to a number"),
        ('{"a": true}', "maps 'a' to a bool, not to a number"),
        ('{"a": null}', "maps 'a' to a null, not to a number"),
        ('{"a": {"b": 1}}', "maps 'a' to a dict, not to a number"),
        ('{"a": NaN}', "holds NaN; leave out"),
        ('{"a": 1e999}', "maps 'a' to a number beyond all measure"),
        ('{"a": 1, "a": 2}', "names 'a' twice"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_broken_units_are_a_failure_that_says_what_is_wrong(
    lab: Lab, text: str, problem: str
) -> None:
    (lab.directory("work") / "text").write_text(text)
    failed = lab.failure(task_of(f"echo {METRIC}: 1; cp text $MOVE37_OUT/units.json"))
    assert failed.stage == "metric"
    assert f"`units.json` {problem}" in failed.reason


@pytest.mark.parametrize(
    "trick",
    [
        "ln -s /etc/passwd units.json",
        "ln -s . units.json",
        "mkfifo units.json",
        "mkdir units.json",
        "truncate -s 1T units.json",
        "yes 1 | head -c 17000000 > units.json",
        "cat /proc/self/status > units.json",
    ],
)
def test_hostile_leftovers_are_neither_followed_nor_waited_for(lab: Lab, trick: str) -> None:
    failed = lab.failure(task_of(f"echo {METRIC}: 1; cd $MOVE37_OUT && {trick}"))
    assert failed.stage == "metric"
    assert failed.reason.startswith("`units.json` ")


@pytest.mark.parametrize(
    "forgery",
    [
        "echo '{\"a\": 99}' > units.json",
        "mkdir units.json",
        "ln -s / units.json",
        "mkfifo units.json",
        "echo '{\"a\": 99}' > units.json; chmod 0 units.json; chmod 500 .",
    ],
)
def test_a_candidate_cannot_forge_the_units_of_a_scored_evaluation(lab: Lab, forgery: str) -> None:
    score = f"echo {METRIC}: 1; test -e $MOVE37_OUT/units.json && exit 1; exit 0"
    outcome, attachments = lab.try_out(task_of(f"cd $MOVE37_OUT; {forgery}", score=score))
    assert isinstance(outcome, Measured)
    assert "x3-search-1/units" not in attachments


def test_the_units_of_a_scored_evaluation_are_those_that_score_writes(lab: Lab) -> None:
    score = write_units('{"a": 1}')
    _, attachments = lab.try_out(task_of(write_units('{"a": 99}'), score=score))
    assert json.loads(attachments["x3-search-1/units"]) == {"a": 1.0}


def test_a_candidate_that_replaces_its_out_directory_gains_nothing(lab: Lab) -> None:
    (lab.directory("elsewhere") / "units.json").write_text('{"a": 99}')
    swap = f"rm -r {lab.root}/out; ln -s {lab.root}/elsewhere {lab.root}/out"
    failed = lab.failure(task_of(swap, score=f"echo {METRIC}: 1"))
    assert failed.reason == "`run` left a units.json that will not go away"
    assert (lab.root / "elsewhere" / "units.json").exists()


# --- checks --------------------------------------------------------------------------------------


def test_a_check_passes_when_it_exits_with_0(lab: Lab) -> None:
    checked = run_check(lab, "echo fine; test $MOVE37_SEED = 0")
    assert (checked.experiment, checked.check, checked.passed) == (3, "tests", True)
    assert (checked.reason, checked.output) == ("", "")


def test_a_check_that_fails_says_why(lab: Lab) -> None:
    checked = run_check(lab, "echo 1 failed; exit 2")
    assert not checked.passed
    assert checked.reason == "it exited with status 2: 1 failed"
    assert checked.output == "1 failed"


def test_a_check_is_ended_when_its_time_is_over(lab: Lab) -> None:
    checked = run_check(lab, "echo begun; sleep 300", timeout_seconds=0.5)
    assert not checked.passed
    assert checked.reason == "it ran over its 0.5 s: begun"


def test_a_check_may_take_as_long_as_it_says_however_short_a_trial_is(lab: Lab) -> None:
    assert run_check(lab, "sleep 0.3", timeout_seconds=30.0).passed


def run_check(lab: Lab, command: str, *, timeout_seconds: float | None = None) -> Checked:
    tests = Check(name="tests", command=command, timeout_seconds=timeout_seconds)
    result = check(
        TASK,
        job=CheckJob(experiment=3, commit="c3", check=tests),
        workspace=lab.directory("work"),
        out=lab.directory("out"),
        sandbox=lab.sandbox,
    )
    assert result is not None
    checked, attachments = result
    assert attachments.keys() == {"x3-check-tests/stdout", "x3-check-tests/stderr"}
    return checked
