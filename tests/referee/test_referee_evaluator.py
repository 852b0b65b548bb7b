"""The evaluator certificate: what is tried, what it says, and the rule of the grade."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.facts import EvaluatorChecked, Fact, Probed, Tried
from move37.core.records import (
    Direction,
    Evaluation,
    Failed,
    Finding,
    Grade,
    Limit,
    Metric,
    Repeats,
    Task,
    Trial,
)
from move37.referee.audit import audit
from move37.referee.canaries import BY_NAME, CANARIES, CERTIFIED_READ, NULL_EDIT
from move37.referee.evaluator import (
    Means,
    caught,
    drift,
    forged,
    grade_of,
    is_fit,
    issue,
    perfect,
    planned,
    repeats,
    wanted_probes,
)
from move37.referee.metrics import parse_metrics, read_metric
from move37.testing.histories import MadeUpStudy, made_up_task

MEANS = Means(has_python=True, hides=True, sandbox="B, user")
SELF_REPORTED = made_up_task()
SCORED = replace(SELF_REPORTED, evaluate=Evaluation(run="python train.py", score="python score.py"))
SEEN = Repeats(
    finished=5,
    failed=0,
    mean=-1.0,
    sd=0.1,
    drift=None,
    repeats_exactly=True,
    seconds=2.0,
    peak_memory_mb=10.0,
)


def study_of(task: Task, *values: float) -> MadeUpStudy:
    study = MadeUpStudy(task)
    study.baseline(*values)
    return study


def broken(index: int) -> Fact:
    outcome = Failed(stage="run", reason="it broke")
    return Tried(experiment=0, trial=Trial(purpose="search", index=index, seed=1, outcome=outcome))


def probed(name: str, score: float | None = None, **others: object) -> Fact:
    made = Probed(
        experiment=0,
        probe=name,
        sandbox=MEANS.sandbox,
        by_edit=True,
        ran=True,
        score=score,
        failure="" if score is not None else "`run` exited with status 1",
    )
    return replace(made, **others)  # pyright: ignore[reportArgumentType]


def certificate(study: MadeUpStudy, *facts: Fact, means: Means = MEANS) -> EvaluatorChecked:
    for fact in facts:
        study.add(fact)
    return issue(study.history, study.task, means)


def finding(found: EvaluatorChecked, name: str) -> Finding:
    return next(one for one in found.findings if one.probe == name)


# --- what is tried -------------------------------------------------------------------------------


def test_nothing_is_tried_before_the_baseline_has_a_score() -> None:
    study = study_of(SCORED)
    assert wanted_probes(study.history, SCORED, MEANS, str) == []
    study.add(broken(0))
    assert wanted_probes(study.history, SCORED, MEANS, str) == []


def test_each_cheat_is_tried_once_on_the_seed_of_the_first_trial() -> None:
    study = study_of(SCORED, 1.0, 1.1, 1.2)
    jobs = wanted_probes(study.history, SCORED, MEANS, str)
    assert [job.probe for job in jobs] == list(planned(study.history, SCORED, MEANS))
    assert {(job.experiment, job.commit, job.value) for job in jobs} == {(0, "c0", 0.0)}
    assert len({(job.seed, job.split) for job in jobs}) == 1
    for job in jobs[:-1]:
        study.add(probed(job.probe))
    assert [job.probe for job in wanted_probes(study.history, SCORED, MEANS, str)] == [
        jobs[-1].probe
    ]


def test_another_sandbox_is_tried_anew() -> None:
    study = study_of(SCORED, 1.0)
    study.add(probed("prints-and-exits"))
    other = replace(MEANS, sandbox="E, no fence")
    names = [job.probe for job in wanted_probes(study.history, SCORED, other, str)]
    assert "prints-and-exits" in names
    assert finding(certificate(study, means=other), "prints-and-exits").believed is None


def test_what_the_engine_could_not_run_is_neither_tried_again_nor_called_caught() -> None:
    study = study_of(SCORED, 1.0)
    lost = probed("prints-and-exits", sandbox="", failure="the worker died")
    found = certificate(study, lost)
    assert finding(found, "prints-and-exits").believed is None
    assert "the worker died" in finding(found, "prints-and-exits").told
    names = [job.probe for job in wanted_probes(study.history, SCORED, MEANS, str)]
    assert "prints-and-exits" not in names


def test_only_what_says_something_is_tried() -> None:
    study = study_of(SELF_REPORTED, 1.0)
    bare = replace(MEANS, has_python=False, hides=False)
    names = set(planned(study.history, SELF_REPORTED, bare))
    assert not names & {"patches-a-module", CERTIFIED_READ, "rewrites-results"}
    assert CERTIFIED_READ in planned(study.history, SELF_REPORTED, MEANS)
    assert CERTIFIED_READ not in planned(study.history, SCORED, MEANS)


def test_data_cannot_cheat() -> None:
    study = study_of(SELF_REPORTED, *NOISY)
    data = replace(MEANS, only_data=True)
    assert planned(study.history, SELF_REPORTED, data) == [NULL_EDIT]
    found = certificate(study, probed(NULL_EDIT, -1.0), means=data)
    assert (found.grade, len(found.findings)) == ("A", 1)
    assert "only data" in found.reason


@given(st.floats(0, 1000))
def test_a_run_tries_the_short_ones_and_as_many_long_ones_as_it_can_afford(seconds: float) -> None:
    study = study_of(SCORED, 1.0)
    each = repeats(study.history).seconds
    everything = planned(study.history, SCORED, MEANS)
    some = planned(study.history, SCORED, replace(MEANS, seconds=seconds))
    assert list(some) == list(everything[: len(some)])
    long = [name for name in some if name == NULL_EDIT or BY_NAME[name].is_full]
    assert len(long) * each <= seconds or not long
    assert {canary.name for canary in CANARIES if not canary.is_full} - {CERTIFIED_READ} <= set(
        some
    )


def test_a_run_begins_no_further_one_when_a_slow_judge_has_taken_its_time() -> None:
    study = study_of(SCORED, 1.0)
    study.add(probed("prints-and-exits", seconds=100.0))
    assert not wanted_probes(study.history, SCORED, replace(MEANS, seconds=60.0), str)
    assert wanted_probes(study.history, SCORED, replace(MEANS, seconds=200.0), str)
    assert wanted_probes(study.history, SCORED, MEANS, str)


# --- the numbers ---------------------------------------------------------------------------------


def metric_of(direction: Direction, regex: str | None = None) -> Metric:
    return Metric(name="loss", direction=direction, regex=regex)


@given(st.sampled_from(Direction), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6))
def test_a_perfect_value_is_better_than_all_that_was_measured(
    direction: Direction, scores: list[float]
) -> None:
    metric = metric_of(direction)
    assert metric.score(perfect(metric, scores)) > max(scores)


@pytest.mark.parametrize(
    ("direction", "value", "wanted"),
    [
        (Direction.MINIMIZE, 3.2, 0.0),
        (Direction.MAXIMIZE, 0.7, 1.0),
        (Direction.MAXIMIZE, 70.0, 100.0),
        (Direction.MINIMIZE, -3.0, -6.0),
        (Direction.MAXIMIZE, 250.0, 500.0),
    ],
)
def test_a_perfect_value_is_one_that_a_judge_may_take_for_real(
    direction: Direction, value: float, wanted: float
) -> None:
    metric = metric_of(direction)
    assert perfect(metric, [metric.score(value)]) == wanted


@given(st.floats(-1e6, 1e6))
def test_a_forged_line_is_read_as_the_evaluations_own(value: float) -> None:
    limit = {"memory": 12.5, "loss": 3.0}
    printed = "epoch 1\nmemory: 12.5\nloss: 3.0\n"
    for regex in (None, r"final loss of ([-+.\de]+) bits", r"(?<=loss: )\S+"):
        metric = metric_of(Direction.MINIMIZE, regex)
        text = forged(metric, f"{printed}final loss of 3.0 bits\n", limit)(value)
        if regex != r"(?<=loss: )\S+":  # one that looks behind sees no line of ours
            assert read_metric(metric, text) == value
        assert parse_metrics(text)["memory"] == 12.5


def test_a_drift_is_seen_and_noise_is_not_taken_for_one() -> None:
    assert drift([1.0, 1.1, 1.21, 1.3, 1.4]) == pytest.approx(0.4, abs=0.02)
    assert drift([1.0, 1.0, 1.0, 1.0, 1.0]) is None
    assert drift([1.0, 2.0, 3.0]) is None
    source = random.Random(1)
    alarms = sum(drift([source.gauss(0, 1) for _ in range(5)]) is not None for _ in range(2000))
    assert alarms <= 33  # 1 % of 2,000, and three standard deviations


def test_repeats_are_summed_up() -> None:
    study = study_of(SELF_REPORTED, 1.0, 1.2)
    study.add(broken(2))
    seen = repeats(study.history)
    assert (seen.finished, seen.failed, seen.mean) == (2, 1, pytest.approx(-1.1))
    assert seen.sd == pytest.approx(0.1414, abs=1e-3)
    assert (seen.drift, seen.repeats_exactly) == (None, None)


# --- the null edit -------------------------------------------------------------------------------

NOISY = (1.0, 1.1, 0.9, 1.05, 0.95)


@pytest.mark.parametrize(
    ("values", "score", "believed", "told"),
    [
        (NOISY, -1.0, False, "equal seeds give equal scores"),
        (NOISY, -0.8, False, "within the noise"),
        (NOISY, +9.0, True, "would be called better"),
        (NOISY, -99.0, False, "within the noise"),
        ((1.0, 1.0, 1.0), -0.999, True, "would be called better"),
        ((1.0,), -0.5, None, "too few"),
        (NOISY, None, True, "the trial failed"),
    ],
)
def test_a_comment_must_not_be_better(
    values: tuple[float, ...], score: float | None, believed: bool | None, told: str
) -> None:
    found = certificate(study_of(SELF_REPORTED, *values), probed(NULL_EDIT, score))
    assert finding(found, NULL_EDIT).believed is believed
    assert told in finding(found, NULL_EDIT).told
    assert (found.grade == "E") is (believed is True)


# --- what it says --------------------------------------------------------------------------------


def test_a_cheat_is_believed_when_it_gains_beyond_the_noise_or_does_what_it_must_not() -> None:
    study = study_of(SELF_REPORTED, *NOISY)
    found = certificate(
        study,
        probed("prints-and-exits", 0.0),
        probed("prints-last", -0.8),
        probed("exits-without-running", None),
        probed("reads-hidden-files", None, effects=("read the hidden file 'answers'",)),
    )
    believed = {one.probe: one.believed for one in found.findings if one.believed is not None}
    assert believed == {
        "prints-and-exits": True,
        "prints-last": False,
        "exits-without-running": False,
        "reads-hidden-files": True,
    }
    assert finding(found, "prints-and-exits").told.endswith("believed, with val_bpb 0")
    assert "read the hidden file 'answers'" in finding(found, "reads-hidden-files").told
    assert all(bool(one.advice) == bool(one.believed) for one in found.findings)
    assert "`score`" in finding(found, "prints-and-exits").advice
    assert caught(found) == {name: not value for name, value in believed.items()}


def test_what_never_ran_is_not_said_to_be_prevented() -> None:
    study = study_of(SELF_REPORTED, *NOISY)
    found = certificate(
        study,
        probed("reaches-the-network", -1.0, ran=False),
        probed("writes-outside", None, ran=False),
        probed("replaces-fixed-files", -1.0),
    )
    assert finding(found, "reaches-the-network").told.endswith("the code in it is never run")
    assert "failed before the code in it ran" in finding(found, "writes-outside").told
    assert finding(found, "replaces-fixed-files").told.endswith(": prevented")


def test_a_grade_that_was_changed_afterwards_is_found() -> None:
    study = study_of(SELF_REPORTED, *NOISY)
    found = certificate(study, probed("prints-and-exits", 0.0))
    forged_fact = replace(found, grade="A", reason="it is fine")
    for fact, problems in ((found, 0), (forged_fact, 1)):
        study.add(fact)
        said = audit(study.history, lambda epoch: None, lambda key: None)
        assert len([one for one in said if "the evaluation's grade is A" in one]) == problems


def test_every_cheat_has_something_to_say_and_something_to_change() -> None:
    for canary in CANARIES:
        task = SELF_REPORTED if canary.name == CERTIFIED_READ else SCORED
        found = certificate(study_of(task, *NOISY), probed(canary.name, 0.0, effects=("did it",)))
        assert finding(found, canary.name).advice
        assert found.grade in "CDF"


@pytest.mark.parametrize(
    ("believed", "grade"),
    [
        ((), "A"),
        (("prints-and-exits",), "C"),
        (("prints-and-exits", "patches-a-module"), "C"),
        ((CERTIFIED_READ, "prints-last"), "D"),
        (("exits-without-running",), "D"),
        (("poisons-artefacts",), "D"),
        ((NULL_EDIT, "prints-last"), "E"),
        (("reaches-the-network", NULL_EDIT), "F"),
        (("outlives-the-trial",), "F"),
    ],
)
def test_the_grade_is_that_of_the_worst(believed: tuple[str, ...], grade: Grade) -> None:
    findings = [
        Finding(
            probe=name,
            believed=name in believed,
            false_metric=name in BY_NAME and BY_NAME[name].false_metric,
            told="",
        )
        for name in (NULL_EDIT, *BY_NAME)
    ]
    assert grade_of(findings, SEEN, scored=False)[0] == grade
    assert is_fit(grade) is (grade in "ABC")
    assert is_fit(grade, "E") is (grade != "F")


def test_what_was_not_tried_and_what_fails_now_and_then_cost_a_grade() -> None:
    untried = Finding(probe="prints-last", believed=None, false_metric=True, told="")
    assert grade_of([untried], SEEN, scored=True)[0] == "B"
    assert grade_of([], replace(SEEN, failed=1), scored=True)[0] == "D"


def test_a_certificate_is_a_fold_of_the_facts() -> None:
    study = study_of(replace(SCORED, limits=(Limit(metric="m", operator="<=", bound=1),)), *NOISY)
    study.add(probed("prints-and-exits", -1.0))
    found = issue(study.history, study.task, MEANS)
    study.add(found)
    assert study.history.evaluator == found == issue(study.history, study.task, MEANS)
    study.baseline(1.0)
    assert (study.history.evaluator, study.history.probes) == (None, {})
