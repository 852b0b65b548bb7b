"""Claims: fresh seeds, a number of pairs fixed beforehand, and an alpha that a whole study keeps."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import StudyError
from move37.core.facts import CertificationOpened, Certified, EpochStarted, Tried
from move37.core.records import (
    Belief,
    Check,
    Claims,
    Failed,
    Measured,
    Metric,
    Outcome,
    Task,
    Trial,
    TrialJob,
)
from move37.core.seeds import derive_seed
from move37.referee.audit import audit
from move37.referee.certify import (
    ALPHA,
    MOST_PAIRS,
    claim_level,
    conclude,
    least_pairs,
    open_certification,
    planned_pairs,
    wanted_trials,
)
from move37.referee.intervals import paired_interval
from move37.referee.seeds import trial_job
from move37.referee.sequential import Plan, decide
from move37.referee.units import dump_units
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task
from move37.testing.referee import MadeUpTrials, measured

TASK = made_up_task()
METRIC = TASK.metric
FAILED = Failed(stage="run", reason="it exited with 1")


class Lab:
    """A study whose fresh trials a test makes up."""

    def __init__(
        self,
        outcome: Callable[[TrialJob], Outcome],
        *,
        task: Task = TASK,
        noise: float = 0.01,
        passes: bool = True,
    ) -> None:
        self.study = MadeUpStudy(task, MeanBeliefs(noise=noise))
        self.study.baseline()
        self.blobs: dict[str, bytes] = {}
        self.trials = MadeUpTrials(self.study.add, outcome, passes=lambda job: passes)
        for index in range(3):
            self.trials.do(self._search_job(0, index))
        self.champion = self.study.experiment()
        self.trials.do(self._search_job(self.champion, 0))
        self.trials.done.clear()

    def _search_job(self, experiment: int, index: int) -> TrialJob:
        history = self.study.history
        return trial_job(history, history[experiment], "search", index)

    def certify(self, experiment: int | None = None, *, at_once: bool = False) -> Certified:
        """at_once: all that is wanted is done before it is asked again what is."""
        study, task = self.study, self.study.task
        chosen = self.champion if experiment is None else experiment
        opened = open_certification(study.history, study.beliefs, task, chosen)
        study.add(opened)
        while jobs := [*wanted_trials(study.history, opened, task, self.blobs.get)]:
            for job in jobs if at_once else jobs[:1]:
                self.trials.do(job)
        certified = conclude(study.history, opened, task, self.blobs.get)
        study.add(certified)
        return certified

    def audit(self, task: Task | None = None) -> list[str]:
        known = task or self.study.task
        return audit(self.study.history, lambda epoch: known, self.blobs.get)


def effect_of(effect: float, noise: float = 0.01, metric: Metric = METRIC) -> Lab:
    """x1 is better than the baseline by this much on the score; every seed is a little different."""

    def outcome(job: TrialJob) -> Outcome:
        dice = random.Random(derive_seed(job.seed, job.experiment))
        score = dice.gauss(effect if job.experiment else 0.0, noise) - 1
        return measured(metric, metric.value(score))

    return Lab(outcome, task=replace(TASK, metric=metric), noise=noise)


# --- the plan ------------------------------------------------------------------------------------


def test_the_alpha_of_all_claims_of_a_study_adds_up_to_five_percent() -> None:
    spent = sum((1 - claim_level(k)) / 2 for k in range(10_000))
    assert claim_level(0) == pytest.approx(0.95)
    assert 0.0499 < spent < ALPHA


@given(st.integers(min_value=0, max_value=10_000))
def test_unanimous_luck_is_rarer_than_the_level_allows(certification: int) -> None:
    level = claim_level(certification)
    assert 2.0 ** -least_pairs(level) <= (1 - level) / 2 * (1 + 1e-6)
    assert 2.0 ** -(least_pairs(level) - 1) > (1 - level) / 2 * (1 - 1e-6)


means = st.floats(-10, 10)
sds = st.floats(0, 10)


@given(means, sds, st.floats(0, 1), st.integers(0, 50))
def test_the_plan_is_never_too_small_to_claim_nor_larger_than_it_need_be(
    mean: float, noise: float, min_effect: float, certification: int
) -> None:
    level = claim_level(certification)
    pairs = planned_pairs(Belief(mean, 1.0), noise, min_effect, level)
    assert least_pairs(level) <= pairs <= max(MOST_PAIRS, least_pairs(level))


def test_small_effects_get_more_pairs_and_exact_evaluations_the_fewest() -> None:
    def pairs(mean: float, noise: float) -> int:
        return planned_pairs(Belief(mean, 0.1), noise, 0.0, 0.95)

    assert pairs(10.0, 1.0) == 12
    assert pairs(1.6, 1.0) == 22
    assert pairs(0.1, 1.0) == 40
    assert pairs(-1.0, 1.0) == 40
    assert pairs(-1.0, 0.0) == 6


def test_the_plan_has_more_power_than_it_promises_for_fewer_pairs_than_one_look_would_need() -> (
    None
):
    plan = Plan(pairs=planned_pairs(Belief(1.6, 0.1), 1.0, 0.0, 0.95), alpha=0.025)
    dice = random.Random(1)
    drawn = [[dice.gauss(1.6, 1) - dice.gauss(0, 1) for _ in range(22)] for _ in range(500)]
    decisions = [decide(differences, plan) for differences in drawn]
    assert fmean(decision.verdict == "claim" for decision in decisions) > 0.96
    assert fmean(decision.pairs for decision in decisions) < 11


def test_champion_and_baseline_alternate_on_common_fresh_seeds() -> None:
    lab = effect_of(0.1)
    lab.certify()
    jobs = [job for job in lab.trials.done if isinstance(job, TrialJob)]
    assert [job.experiment for job in jobs] == [1, 0, 0, 1] * 3 + [1, 0]
    assert [job.index for job in jobs] == [index for index in range(7) for _ in "AB"]
    seeds, splits = {job.seed for job in jobs}, {job.split for job in jobs}
    assert len(seeds) == len(splits) == 7
    searched = {
        trial.seed
        for one in lab.study.history.experiments
        for trial in one.trials
        if trial.purpose == "search"
    }
    assert seeds.isdisjoint(searched)


def test_no_certification_sees_a_seed_that_another_has_seen() -> None:
    lab = effect_of(0.1)
    seen: list[int] = []
    for _ in range(4):
        lab.trials.done.clear()
        lab.certify()
        seeds = {job.seed for job in lab.trials.done if isinstance(job, TrialJob)}
        assert seeds.isdisjoint(seen)
        seen.extend(seeds)
    ids = [job.id for job in lab.trials.done]
    assert len(set(ids)) == len(ids)


def test_a_certification_that_was_cut_off_goes_on_where_it_was() -> None:
    whole, cut = effect_of(0.1), effect_of(0.1)
    certified = whole.certify()
    study = cut.study
    opened = open_certification(study.history, study.beliefs, TASK, cut.champion)
    study.add(opened)
    for job in wanted_trials(study.history, opened, TASK, cut.blobs.get)[3:7]:
        cut.trials.do(job)
    with pytest.raises(StudyError, match="still wants 10 jobs; run `move37 certify x1`"):
        conclude(study.history, opened, TASK, cut.blobs.get)
    cut.trials.work_off(lambda: [*wanted_trials(study.history, opened, TASK, cut.blobs.get)])
    assert conclude(study.history, opened, TASK, cut.blobs.get) == certified


def test_what_cannot_be_certified_is_refused_with_the_reason() -> None:
    lab = effect_of(0.1)
    study, task = lab.study, replace(TASK, checks=(Check(name="tests", command="true"),))
    failed, running = study.failure(), study.experiment()
    unfit = study.experiment(0.5)
    study.check(unfit, "tests", passed=False)

    def refusal(experiment: int) -> str:
        with pytest.raises(StudyError) as caught:
            open_certification(study.history, study.beliefs, task, experiment)
        return str(caught.value)

    assert refusal(0).startswith("x0 is the baseline itself")
    assert refusal(failed) == f"x{failed} failed (it exited with 1); certify one that did not"
    assert refusal(running) == f"x{running} has not been measured yet; go on with `move37 run`"
    assert refusal(unfit) == f"x{unfit} does not pass the check 'tests'; certify one that does"
    assert refusal(99).startswith("there is no experiment x99")
    study.baseline(1.0)
    assert refusal(1).startswith("x1 was measured before the task changed")


# --- the claim -----------------------------------------------------------------------------------


def test_a_real_improvement_is_claimed_with_n_the_interval_and_the_rule() -> None:
    lab = effect_of(0.1)
    certified = lab.certify()
    assert certified.claim
    assert certified.effect is not None
    assert 0.06 < certified.effect.low < certified.effect.high < 0.13
    assert certified.effect.effect == pytest.approx(0.1, abs=0.02)
    assert (certified.effect.pairs, certified.effect.level) == (7, pytest.approx(0.95))
    assert certified.baseline_score == pytest.approx(-1, abs=0.02)
    assert certified.holdout is None
    assert certified.reason.startswith("claimed: on fresh seeds x1 improves val_bpb by 0.1")
    low, high = certified.effect.low, certified.effect.high
    assert (
        f"(95 % interval {low:.4g} to {high:.4g}) with n = 7 fresh pairs, and all of the interval "
        "exceeds min_effect 0; the search believed"
    ) in certified.reason


def test_an_improvement_that_is_too_small_is_not_claimed() -> None:
    certified = effect_of(0.1, metric=replace(METRIC, min_effect=0.2)).certify()
    assert not certified.claim
    assert certified.effect is not None
    assert certified.effect.low > 0
    assert "a claim needs all of the interval to exceed min_effect 0.2" in certified.reason


def test_a_champion_that_fails_on_a_fresh_seed_is_no_improvement() -> None:
    def outcome(job: TrialJob) -> Outcome:
        if job.id == "x1-certify-2":
            return FAILED
        return measured(METRIC, 0.5 if job.experiment else 1.0)

    lab = Lab(outcome)
    certified = lab.certify()
    assert not certified.claim
    assert certified.effect is None
    assert certified.reason.startswith("not claimed: x1 fails on the fresh seed ")
    assert certified.reason.endswith(": it exited with 1")
    assert len(lab.trials.done) == 5, "nothing more is run once it cannot be claimed"


def test_a_baseline_that_fails_now_and_then_costs_pairs_and_then_the_claim() -> None:
    def failing(*indexes: int) -> Lab:
        def outcome(job: TrialJob) -> Outcome:
            if job.experiment == 0 and job.purpose == "certify" and job.index in indexes:
                return FAILED
            return measured(METRIC, 1.0 + job.index / 100 - 0.1 * job.experiment)

        return Lab(outcome, noise=0.065)

    lab = failing(1, 2)
    some, many = lab.certify(), failing(*range(18)).certify()
    assert some.claim
    assert some.effect is not None
    assert some.effect.pairs == 7
    assert len(lab.trials.done) == 18, "two more pairs for those that were lost"
    assert not many.claim
    assert (
        "the baseline finished 2 of 20 fresh trials, and a claim rests on no fewer" in many.reason
    )


def test_checks_that_were_not_run_come_first_and_can_forbid_the_claim() -> None:
    task = replace(TASK, checks=(Check(name="tests", command="pytest"),))

    def outcome(job: TrialJob) -> Outcome:
        return measured(METRIC, 0.5 if job.experiment else 1.0)

    assert Lab(outcome, task=task).certify().claim
    broken = Lab(outcome, task=task, passes=False)
    certified = broken.certify()
    assert not certified.claim
    assert certified.reason == "not claimed: x1 does not pass the check 'tests'"
    assert [job.id for job in broken.trials.done] == ["x1-check-tests"]


def test_an_evaluation_that_repeats_exactly_gives_a_point() -> None:
    lab = Lab(lambda job: measured(METRIC, 0.5 if job.experiment else 1.0), noise=0.0)
    certified = lab.certify()
    assert certified.claim
    assert certified.effect is not None
    assert certified.effect.low == certified.effect.effect == certified.effect.high == 0.5
    assert certified.effect.pairs == 6


def test_equal_programs_are_no_improvement() -> None:
    lab = Lab(lambda job: measured(METRIC, 1.0), noise=0.0)
    assert not lab.certify().claim


# --- as it comes in ------------------------------------------------------------------------------


def test_a_large_effect_takes_few_pairs_and_none_at_all_ends_for_lack_of_hope() -> None:
    large, none = effect_of(0.1), Lab(lambda job: measured(METRIC, 1.0 + job.seed % 97 / 1000))
    certified, hopeless = large.certify(), none.certify()
    assert large.study.history.certifications[0].pairs == 12
    assert len(large.trials.done) == 14
    assert certified.claim
    assert hopeless.effect is not None
    assert hopeless.effect.pairs < none.study.history.certifications[0].pairs
    assert "; it ended early, as no claim was in sight; the search believed" in hopeless.reason


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_where_it_stops_does_not_hang_on_how_many_work_at_once(workers: int) -> None:
    """Jobs end in another order than they were asked for, and several at a time."""
    lab, dice = effect_of(0.008), random.Random(workers)
    study = lab.study
    opened = open_certification(study.history, study.beliefs, TASK, lab.champion)
    study.add(opened)
    while jobs := list(wanted_trials(study.history, opened, TASK, lab.blobs.get)):
        for job in dice.sample(jobs[:workers], min(workers, len(jobs))):
            lab.trials.do(job)
    alone = effect_of(0.008).certify()
    assert conclude(study.history, opened, TASK, lab.blobs.get) == alone
    assert len(lab.trials.done) == 2 * (alone.effect.pairs if alone.effect else 0)


def test_the_pairs_can_be_limited_but_not_below_what_a_claim_needs() -> None:
    lab = effect_of(0.01)
    study = lab.study

    def pairs(task: Task, asked: int | None = None) -> int:
        return open_certification(study.history, study.beliefs, task, 1, pairs=asked).pairs

    limited = replace(TASK, claims=Claims(pairs=9))
    assert pairs(TASK) > 12
    assert (pairs(TASK, 12), pairs(limited), pairs(limited, 8), pairs(TASK, 1)) == (12, 9, 8, 6)


def test_a_study_that_may_err_less_often_asks_for_more() -> None:
    strict = effect_of(0.1)
    strict.study.task = replace(TASK, claims=Claims(alpha=0.001))
    certified = strict.certify()
    assert certified.effect is not None
    assert certified.effect.level == pytest.approx(0.999)
    assert certified.effect.pairs >= 11
    assert strict.audit() == []


def test_the_estimate_shrinks_what_was_believed_and_the_luck_is_told() -> None:
    lab = effect_of(0.1)
    believed = replace(lab.study.history[1].trials[0], outcome=measured(METRIC, 0.5), index=1)
    lab.study.add(Tried(experiment=1, trial=believed))
    certified = lab.certify()
    opened = lab.study.history.certifications[0]
    assert certified.estimate is not None
    assert certified.overfit is not None
    assert certified.effect is not None
    assert opened.believed.mean > 0.2
    assert certified.estimate.effect == pytest.approx(0.1, abs=0.02)
    assert certified.effect.low < certified.estimate.low < certified.estimate.high
    assert certified.shrinkage == opened.believed.mean - certified.estimate.effect
    assert certified.overfit.low > 0.1
    assert "and the likeliest effect is 0.1" in certified.reason


# --- against others, and not worse ---------------------------------------------------------------


def pruned_of(effect: float, noise: float = 0.01) -> tuple[Lab, int]:
    """x1 is better than the baseline by 0.5, and x2 differs from x1 by this much."""

    def outcome(job: TrialJob) -> Outcome:
        dice = random.Random(derive_seed(job.seed, job.experiment))
        truth = {0: 0.0, 1: 0.5, 2: 0.5 + effect}[job.experiment]
        return measured(METRIC, METRIC.value(dice.gauss(truth, noise)))

    lab = Lab(outcome)
    pruned = lab.study.experiment()
    history = lab.study.history
    lab.trials.do(trial_job(history, history[pruned], "search", 0))
    lab.trials.done.clear()
    return lab, pruned


def not_worse(lab: Lab, experiment: int, against: int, margin: float) -> Certified:
    study = lab.study
    opened = open_certification(
        study.history, study.beliefs, TASK, experiment, against=against, margin=margin
    )
    study.add(opened)
    lab.trials.work_off(lambda: [*wanted_trials(study.history, opened, TASK, lab.blobs.get)])
    certified = conclude(study.history, opened, TASK, lab.blobs.get)
    study.add(certified)
    return certified


def test_a_pruned_program_is_shown_not_to_be_worse_than_the_champion() -> None:
    lab, pruned = pruned_of(0.0)
    certified = not_worse(lab, pruned, lab.champion, margin=0.03)
    assert (certified.claim, certified.kind) == (True, "not worse")
    assert (certified.experiment, certified.baseline) == (pruned, lab.champion)
    assert certified.effect is not None
    assert -0.03 < certified.effect.low < certified.effect.high
    assert "all of the interval exceeds the margin -0.03" in certified.reason
    assert "improve" not in certified.reason
    assert lab.audit() == []


def test_a_program_that_is_worse_by_the_margin_is_not_shown_to_be_as_good() -> None:
    lab, pruned = pruned_of(-0.03)
    assert not not_worse(lab, pruned, lab.champion, margin=0.03).claim


def test_not_worse_than_another_is_no_claim_to_be_better_than_the_baseline() -> None:
    lab, pruned = pruned_of(0.0)
    not_worse(lab, pruned, lab.champion, margin=0.03)
    assert lab.study.history.certificate_of(pruned) is None
    certified = lab.certify(pruned)
    assert certified.certification == 1
    assert certified.effect is not None
    assert certified.effect.level == pytest.approx(claim_level(1)), "both spend of one alpha"
    assert lab.study.history.certificate_of(pruned) == certified


def test_what_cannot_be_compared_is_refused_with_the_reason() -> None:
    lab, pruned = pruned_of(0.0)
    study, running = lab.study, lab.study.experiment()

    def refusal(against: int, margin: float | None) -> str:
        with pytest.raises(StudyError) as caught:
            open_certification(
                study.history, study.beliefs, TASK, pruned, against=against, margin=margin
            )
        return str(caught.value)

    assert refusal(pruned, 0.1) == f"x{pruned} cannot be compared with itself"
    assert refusal(running, 0.1).startswith(
        f"x{running} was not measured in the epoch of x{pruned}"
    )
    for margin in (0.0, -1.0, float("nan"), float("inf")):
        assert refusal(lab.champion, margin).startswith("a margin is a positive number")


# --- certifications of old -----------------------------------------------------------------------


def test_a_certification_that_was_begun_by_the_old_rule_ends_by_it() -> None:
    lab = effect_of(0.1)
    opened = CertificationOpened(
        certification=0, experiment=1, baseline=0, believed=Belief(0.1, 0.01), pairs=6
    )
    lab.study.add(opened)
    history = lab.study.history
    assert len(wanted_trials(history, opened, TASK, lab.blobs.get)) == 12
    lab.trials.work_off(lambda: [*wanted_trials(history, opened, TASK, lab.blobs.get)])
    certified = conclude(history, opened, TASK, lab.blobs.get)
    scores = [lab.study.history[x].scores("certify") for x in (1, 0)]
    student = paired_interval([new - old for new, old in zip(*scores, strict=True)], 0.95)
    assert certified.effect == student
    assert certified.claim
    assert certified.estimate is None
    lab.study.add(certified)
    assert lab.audit() == []


# --- the hold-out --------------------------------------------------------------------------------


def with_holdout(effect: float) -> Lab:
    def outcome(job: TrialJob) -> Outcome:
        holdout = 2.0 + job.seed % 7 / 1000 - effect * job.experiment
        certify = {f"holdout_{METRIC.name}": holdout} if job.purpose == "certify" else {}
        return measured(METRIC, 1.0 + job.seed % 5 / 1000 - 0.1 * job.experiment, certify)

    return Lab(outcome)


def test_the_hold_out_has_an_interval_of_its_own() -> None:
    certified = with_holdout(0.05).certify()
    assert certified.claim
    assert certified.holdout is not None
    assert certified.holdout.effect == pytest.approx(0.05)
    assert certified.holdout_baseline_score == pytest.approx(-2.0, abs=0.01)
    assert "; on the hold-out by 0.05 (95 % interval 0.05 to 0.05)" in certified.reason


def test_a_gain_that_the_hold_out_contradicts_is_not_claimed() -> None:
    certified = with_holdout(-0.05).certify()
    assert not certified.claim
    assert "but the hold-out shows it to be worse" in certified.reason


def looks_at_holdout(lab: Lab) -> set[bool]:
    return {job.holdout for job in lab.trials.done if isinstance(job, TrialJob)}


def test_the_hold_out_is_looked_at_once_for_a_champion_and_then_repeated() -> None:
    lab = with_holdout(0.05)
    first = lab.certify()
    assert looks_at_holdout(lab) == {True}
    lab.trials.done.clear()
    second = lab.certify()
    assert looks_at_holdout(lab) == {False}
    assert second.holdout == first.holdout
    assert second.holdout_baseline_score == first.holdout_baseline_score
    assert ", as found before" in second.reason
    assert second.overfit is None, "the first certificate tells it"
    assert second.effect != first.effect
    assert lab.audit() == []


def test_another_experiment_has_its_own_look_at_the_hold_out() -> None:
    lab = with_holdout(0.05)
    lab.certify()
    lab.trials.done.clear()
    other = lab.study.experiment(0.8)
    lab.certify(other)
    assert looks_at_holdout(lab) == {True}


def test_what_the_search_believed_too_much_is_told_by_the_hold_out() -> None:
    """The gain of 0.1 on the validation data is repeated on fresh seeds; on the hold-out it is 0.05."""
    certified = with_holdout(0.05).certify()
    assert certified.overfit is not None
    assert certified.overfit.effect == pytest.approx(0.05, abs=0.01)
    assert certified.shrinkage == pytest.approx(0.0, abs=0.01)


# --- units ---------------------------------------------------------------------------------------


def with_units(units: Callable[[TrialJob], Mapping[str, float] | None], value: float = 0.0) -> Lab:
    """The metric is the mean of the units, plus `value`."""
    blobs: dict[str, bytes] = {}

    def outcome(job: TrialJob) -> Outcome:
        found = units(job)
        if found is not None:
            blobs[f"{job.id}/units"] = dump_units(found)
        mean = sum((found or {"": 1.0}).values()) / len(found or "1")
        return measured(METRIC, mean + value)

    lab = Lab(outcome)
    lab.blobs = blobs
    return lab


def cases(job: TrialJob) -> dict[str, float]:
    """Eight cases; x1 gains on two of them only, always exactly as much."""
    gain = 0.4 if job.experiment else 0.0
    return {f"case{i}": 1.0 + i - gain * (i < 2) for i in range(8)}


def test_an_effect_on_few_of_the_units_is_not_claimed_for_all() -> None:
    certified = with_units(cases).certify()
    assert certified.effect is not None
    assert certified.effect.effect == pytest.approx(0.1)
    assert certified.effect.low < 0
    assert not certified.claim
    assert "n = 7 fresh pairs, by unit" in certified.reason


@pytest.mark.parametrize(
    "lab",
    [
        with_units(cases, value=1.0),
        with_units(lambda job: None if job.index == 3 else cases(job)),
        with_units(lambda job: {**cases(job), f"of x{job.experiment}": 4.5}),
    ],
    ids=["not-the-mean", "missing-in-a-trial", "different-units"],
)
def test_units_that_do_not_fit_are_left_aside(lab: Lab) -> None:
    certified = lab.certify()
    assert certified.effect is not None
    assert "by unit" not in certified.reason


def test_a_trial_that_leaves_no_units_does_not_undo_what_was_decided_before_it() -> None:
    """Nine pairs by unit, then a tenth without: the looks at 7 and 8 stay as they were."""
    whole = with_units(cases)
    history = whole.study.history
    opened = replace(
        open_certification(history, whole.study.beliefs, TASK, 1), pairs=12, certification=0
    )
    whole.study.add(opened)
    for index in range(12):
        if index >= 9:
            whole.trials.outcome = lambda job: measured(METRIC, 1.0 - 0.1 * job.experiment)
        for experiment in (1, 0):
            whole.trials.do(trial_job(history, history[experiment], "certify", index))
    certified = conclude(history, opened, TASK, whole.blobs.get)
    assert not certified.claim
    assert certified.effect is not None
    assert certified.effect.pairs == 7
    assert "by unit" in certified.reason


# --- over a whole study --------------------------------------------------------------------------


def false_claim_rate(studies: int) -> float:
    """How many first certifications claim something where every program is the same."""
    false = 0
    for number in range(studies):

        def outcome(job: TrialJob, number: int = number) -> Outcome:
            dice = random.Random(derive_seed(number, job.seed, job.experiment))
            return measured(METRIC, dice.gauss(1.0, 0.01))

        false += Lab(outcome).certify(at_once=True).claim
    return false / studies


@pytest.mark.slow
def test_a_study_of_pure_noise_makes_a_false_claim_in_five_percent_of_studies_at_most() -> None:
    assert 0.005 <= false_claim_rate(studies=300) <= 0.025 + 0.02


@pytest.mark.slow
def test_however_often_it_certifies() -> None:
    dice, false, studies = random.Random(4), 0, 1500
    for _ in range(studies):
        plans = [Plan(pairs=20, alpha=(1 - claim_level(number)) / 2) for number in range(5)]
        false += any(
            decide([dice.gauss(0, 1) for _ in range(20)], plan).verdict == "claim" for plan in plans
        )
    assert 0.02 <= false / studies <= ALPHA


def test_a_lucky_coin_is_not_claimed_more_often_than_a_study_may_err() -> None:
    """A program that is as often 0.1 better as worse, in an evaluation that else repeats exactly."""
    studies, false = 150, 0
    for number in range(studies):

        def outcome(job: TrialJob, number: int = number) -> Outcome:
            lucky = derive_seed(number, job.seed) % 2 or job.purpose == "search"
            return measured(METRIC, 1.0 + job.experiment * (-0.1 if lucky else 0.1))

        false += Lab(outcome, noise=0.0).certify(at_once=True).claim
    assert false / studies <= ALPHA


# --- verify --------------------------------------------------------------------------------------


def test_an_honest_study_stands_up_to_an_audit() -> None:
    for lab in (effect_of(0.1), effect_of(0.0), with_holdout(0.05), with_units(cases)):
        lab.certify()
        lab.certify()
        assert lab.audit() == []


def test_a_trial_that_came_after_the_verdict_changes_nothing() -> None:
    lab = Lab(lambda job: FAILED if job.id == "x1-certify-0" else measured(METRIC, 1.0))
    certified = lab.certify()
    assert certified.effect is None
    opened = lab.study.history.certifications[0]
    late = next(
        job
        for job in wanted_trials(effect_of(0.1).study.history, opened, TASK, lab.blobs.get)
        if job.experiment == 0
    )
    lab.trials.do(late)
    assert lab.audit() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"claim": False}, "claim is False, and should be True: claimed: on"),
        ({"effect": None}, "effect is missing, and should be by 0.05"),
        ({"baseline_score": -0.9}, "baseline_score is -0.9, and should be -1.00"),
        ({"holdout": None}, "holdout is missing, and should be by 0.05"),
        ({"baseline": 1}, "it compares other experiments than were to be compared"),
    ],
)
def test_a_certificate_that_was_touched_is_found_out(
    change: Mapping[str, object], problem: str
) -> None:
    lab = with_holdout(0.05)
    certified = lab.certify()
    lab.study.add(replace(certified, **change))  # pyright: ignore[reportArgumentType]
    if "effect" in change:
        problem = "effect is missing, and should be by 0.1"
    assert [found for found in lab.audit() if problem in found]


def test_an_interval_that_was_moved_is_found_out() -> None:
    lab = effect_of(0.1)
    certified = lab.certify()
    assert certified.effect is not None
    moved = replace(certified.effect, low=certified.effect.low * 1.001)
    lab.study.add(replace(certified, effect=moved))
    assert len(lab.audit()) == 1


def test_scores_seeds_and_limits_are_computed_again() -> None:
    lab = effect_of(0.1)
    lab.certify()
    assert lab.audit(replace(TASK, metric=replace(METRIC, name="loss"))) != []
    good = measured(METRIC, 1.0)
    forged = [
        Trial(purpose="search", index=1, seed=7, outcome=good),
        Trial(purpose="search", index=1, seed=7, outcome=replace(good, score=5.0)),
    ]
    for trial in forged:
        lab.study.add(Tried(experiment=1, trial=trial))
    found = "\n".join(lab.audit())
    assert "x1, search trial 1: its seed is 7, and should be " in found
    assert "x1, search trial 1: it is recorded twice" in found
    assert "x1, search trial 1: its score is 5.0, but it printed 1.0" in found


def test_without_its_task_an_epoch_is_audited_for_its_seeds_alone() -> None:
    lab = effect_of(0.1)
    lab.certify()

    def forgotten(epoch: EpochStarted) -> None:
        assert epoch.epoch == 0

    assert audit(lab.study.history, forgotten, lab.blobs.get) == []
    assert isinstance(lab.study.history[0].outcome, Measured)
