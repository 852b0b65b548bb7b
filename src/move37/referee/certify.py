"""Claims: fresh evidence only, planned before it is gathered, at a level that a whole study can keep.

The rule is in `docs/claims.md`. Everything here is a pure function of the history.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from move37.core.errors import StudyError
from move37.core.facts import CertificationOpened, Certified
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import PAIRS_LIMIT, Belief, Failed, Interval, Job, Metric, Task
from move37.referee.evidence import (
    Attachment,
    Pair,
    finished_pairs,
    fresh_trials,
    holdout_scores,
    indexes,
    may_see_holdout,
    unit_differences,
    why_not,
)
from move37.referee.intervals import crossed_interval, normal_quantile, paired_interval
from move37.referee.overfit import Fresh, estimate, fresh, overfit
from move37.referee.seeds import trial_job
from move37.referee.sequential import Decision, Plan, confidence, decide
from move37.referee.wants import missing_checks
from move37.referee.words import number, signed, spell_estimate, spell_interval, spelled

ALPHA = 0.05
"""The chance that a study makes any false claim, however many times it certifies."""
MOST_PAIRS = 40
POWER = 0.9
GENEROUS = 2
"""So many times the pairs that would do, once, for an effect as large as believed: it often is not."""


# --- the plan ------------------------------------------------------------------------------------


def claim_level(certification: int, alpha: float = ALPHA) -> float:
    """Two-sided confidence level of a study's claim, counted from 0: 0.95, 0.983, 0.992, ...

    The k-th may err on the side of a claim with probability `alpha / ((k + 1) (k + 2))`. These sum
    to `alpha`, so by Bonferroni's inequality the whole study keeps it, without an end to be fixed
    beforehand (alpha-spending: G. Lan and D. DeMets, Biometrika 70 (1983)).
    """
    return 1 - 2 * alpha / ((certification + 1) * (certification + 2))


def least_pairs(level: float) -> int:
    """So few pairs that all agree can still be luck rarely enough: `2^-n <= (1 - level) / 2`.

    Guards against what no variance shows: scores in coarse steps, or a program whose good luck is a
    coin flip and whose trials all happened to come up equal (the sign test).
    """
    return math.ceil(-math.log2((1 - level) / 2) - 1e-9)


def planned_pairs(believed: Belief, noise: float, edge: float, level: float) -> int:
    """How many pairs of fresh trials there may be, fixed before the first one.

    `GENEROUS` times what one look would need to claim the believed effect, beyond `edge`, with
    probability `POWER`, were the noise of a pair `sqrt(2) * noise`, which is an upper bound as common
    seeds only lessen it; never fewer than `least_pairs`, nor more than `MOST_PAIRS` unless those are.
    Most comparisons end much earlier. A deterministic evaluation takes the least: equal seeds
    repeat exactly, but nobody knows that of a program tried once.

    Source: W. Guenther, "Sample size formulas for normal theory t tests", The American Statistician
    35 (1981): the normal formula plus z^2 / 2.
    """
    least = least_pairs(level)
    gain = believed.mean - edge
    if noise == 0:
        return least
    if gain <= 0:
        return max(least, MOST_PAIRS)
    z = normal_quantile((1 + level) / 2)
    in_noise = min(math.sqrt(2) * noise / gain, MOST_PAIRS)  # beyond that, the square says no more
    needed = max(least, ((z + normal_quantile(POWER)) * in_noise) ** 2 + z**2 / 2)
    return max(least, min(MOST_PAIRS, GENEROUS * math.ceil(needed)))


def plan_of(opened: CertificationOpened, metric: Metric) -> Plan:
    """The test that was fixed when a certification was opened."""
    level = claim_level(opened.certification, opened.alpha)
    return Plan(pairs=opened.pairs, alpha=(1 - level) / 2, edge=_edge(opened.margin, metric))


def _edge(margin: float | None, metric: Metric) -> float:
    """What the effect has to exceed. On the score."""
    return metric.min_effect if margin is None else -margin


def open_certification(
    history: History,
    believer: Believer,
    task: Task,
    experiment: int,
    *,
    against: int | None = None,
    margin: float | None = None,
    pairs: int | None = None,
) -> CertificationOpened:
    """Plan the next certification. Raises `StudyError` when there is nothing to certify.

    against: what to compare it with, the baseline unless given: any experiment of the same epoch.
    margin: asks whether it is *not worse* by so much or more, on the score, and not whether it is
        better. Above 0: without a margin nothing can be shown not to be worse.
    pairs: at the most; planned from what the search believes unless given, and never fewer than a
        claim needs, nor more than `PAIRS_LIMIT`.
    """
    one, baseline = history[experiment], history.baseline
    _refuse_unfit(one, baseline, task)
    reference = baseline if against is None else history[against]
    _refuse_reference(one, reference, margin)
    believed = believer.difference(experiment, reference.id)
    if believed is None or one.outcome is None:
        raise StudyError(f"x{experiment} has not been measured yet; go on with `move37 run`")
    certification = len(history.certifications)
    level = claim_level(certification, task.claims.alpha)
    edge = _edge(margin, task.metric)
    planned = planned_pairs(believed, believer.noise, edge, level)
    pairs = task.claims.pairs if pairs is None else pairs
    return CertificationOpened(
        certification=certification,
        experiment=experiment,
        baseline=reference.id,
        believed=believed,
        pairs=planned if pairs is None else max(min(pairs, PAIRS_LIMIT), least_pairs(level)),
        rule="sequential",
        margin=margin,
        alpha=task.claims.alpha,
    )


def _refuse_unfit(one: Experiment, baseline: Experiment, task: Task) -> None:
    if one.epoch != baseline.epoch:
        raise StudyError(
            f"x{one.id} was measured before the task changed; certify an experiment "
            f"from x{baseline.id} on"
        )
    if one.is_baseline:
        raise StudyError(f"x{one.id} is the baseline itself: there is nothing to compare it with")
    if isinstance(one.outcome, Failed):
        raise StudyError(f"x{one.id} failed ({one.outcome.reason}); certify one that did not")
    if failed := [check.name for check in task.checks if one.checks.get(check.name) is False]:
        raise StudyError(f"x{one.id} does not pass the check {failed[0]!r}; certify one that does")


def _refuse_reference(one: Experiment, reference: Experiment, margin: float | None) -> None:
    if reference.id == one.id:
        raise StudyError(f"x{one.id} cannot be compared with itself")
    if reference.epoch != one.epoch or not reference.is_measured:
        raise StudyError(
            f"x{reference.id} was not measured in the epoch of x{one.id}; compare with one that was"
        )
    if margin is not None and not (margin > 0 and math.isfinite(margin)):
        raise StudyError(
            f"a margin is a positive number, such as 0.01, not {margin!r}: however good the "
            "evidence, it never shows that a program is not worse by anything at all"
        )


# --- what is still wanted ------------------------------------------------------------------------


def wanted_trials(
    history: History, opened: CertificationOpened, task: Task, attachment: Attachment
) -> Sequence[Job]:
    """The jobs that are needed now, in the order to run them in; none once it is decided.

    Checks that have not been run on the champion come first. Then champion and baseline alternate,
    and so does which of them goes first (ABBA), so that a drift of the machine favours neither. All
    pairs up to the next look are wanted at once, and none beyond: where it stops hangs on
    what was measured, and not on how many workers measured it.
    Nothing more is wanted once the champion has failed a check or a trial.
    """
    one = history[opened.experiment]
    until = _until(history, opened, task, attachment)
    champion = fresh_trials(history, opened.experiment, until)
    baseline = fresh_trials(history, opened.baseline, until)
    if why_not(one, champion.values(), task.checks):
        return []
    jobs: list[Job] = list(missing_checks(one, task.checks))
    holdout = may_see_holdout(history, opened)
    for index in until:
        pair = [(one, champion), (history[opened.baseline], baseline)]
        for experiment, ended in pair if index % 2 == 0 else reversed(pair):
            if index not in ended:
                jobs.append(trial_job(history, experiment, "certify", index, holdout=holdout))
    return jobs


def _until(
    history: History, opened: CertificationOpened, task: Task, attachment: Attachment
) -> range:
    """The indexes that are to be run up to the next look, or were up to the one that decided."""
    among = indexes(history, opened)
    if opened.rule == "fixed":
        return among
    champion = fresh_trials(history, opened.experiment, among)
    baseline = fresh_trials(history, opened.baseline, among)
    ended = champion.keys() & baseline.keys()
    lost = {index for index, trial in baseline.items() if isinstance(trial.outcome, Failed)}
    prefixes = [among[: _reach(among, lost, look)] for look in plan_of(opened, task.metric).looks()]
    done = [prefix for prefix in prefixes if all(index in ended for index in prefix)]
    if done:
        decision = _decide(history, opened, task, attachment, done[-1])
        if decision.is_over:
            return among[: _reach(among, lost, decision.pairs)]
    return prefixes[min(len(done), len(prefixes) - 1)]


def _reach(among: range, lost: set[int], pairs: int) -> int:
    """How many indexes it takes for so many pairs that are not lost; all, if there are too few."""
    left = 0
    for place, index in enumerate(among):
        left += index not in lost
        if left == pairs:
            return place + 1
    return len(among)


def _decide(
    history: History,
    opened: CertificationOpened,
    task: Task,
    attachment: Attachment,
    among: range,
) -> Decision:
    pairs = finished_pairs(history, opened, among)
    rows = unit_differences(opened, pairs, task.metric, attachment)
    return decide([pair.difference for pair in pairs], plan_of(opened, task.metric), rows)


# --- the verdict ---------------------------------------------------------------------------------


def conclude(
    history: History, opened: CertificationOpened, task: Task, attachment: Attachment
) -> Certified:
    """Say what the fresh evidence shows. Raises `StudyError` while something is still wanted."""
    if wanted := wanted_trials(history, opened, task, attachment):
        raise StudyError(
            f"certification {opened.certification} of x{opened.experiment} still wants "
            f"{len(wanted)} jobs; run `move37 certify x{opened.experiment}`"
        )
    evidence = _gather(history, opened, task, attachment)
    claim, reason = _verdict(evidence, opened, task.metric)
    guess = evidence.estimate
    return Certified(
        certification=opened.certification,
        experiment=opened.experiment,
        baseline=opened.baseline,
        effect=evidence.effect,
        baseline_score=evidence.baseline_score,
        holdout=evidence.holdout,
        holdout_baseline_score=evidence.holdout_baseline_score,
        claim=claim,
        reason=reason,
        kind="better" if opened.margin is None else "not worse",
        estimate=guess,
        shrinkage=None if guess is None else opened.believed.mean - guess.effect,
        overfit=evidence.overfit,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    missing: str = ""
    """Why there is no effect; empty when there is one."""
    effect: Interval | None = None
    ended: str = ""
    """How it came to its end, for the reason."""
    by_unit: bool = False
    baseline_score: float | None = None
    holdout: Interval | None = None
    holdout_baseline_score: float | None = None
    repeated: bool = False
    """The hold-out was looked at before, and is only repeated."""
    estimate: Interval | None = None
    overfit: Interval | None = None


def _gather(
    history: History, opened: CertificationOpened, task: Task, attachment: Attachment
) -> _Evidence:
    until = _until(history, opened, task, attachment)
    champion = fresh_trials(history, opened.experiment, until)
    if missing := why_not(history[opened.experiment], champion.values(), task.checks):
        return _Evidence(missing=missing)
    plan, pairs = plan_of(opened, task.metric), finished_pairs(history, opened, until)
    least = plan.looks()[0] if opened.rule == "sequential" else least_pairs(1 - 2 * plan.alpha)
    if len(pairs) < least:
        return _Evidence(
            missing=f"the baseline finished {len(pairs)} of {len(until)} fresh trials, "
            f"and a claim rests on no fewer than {least} pairs"
        )
    rows = unit_differences(opened, pairs, task.metric, attachment)
    differences = [pair.difference for pair in pairs]
    effect, ended = _effect(opened, plan, differences, rows)
    assert effect is not None, "as many pairs as a claim needs give an interval"
    pairs = pairs[: effect.pairs]
    by_unit = len(rows) >= effect.pairs
    seen = fresh(differences[: effect.pairs], rows[: effect.pairs] if by_unit else None)
    held = _holdout(history, opened, task.metric, pairs, effect.level)
    old = opened.rule == "fixed"
    luck = None if old or held.repeated else overfit(opened.believed, held.seen or seen)
    return _Evidence(
        effect=effect,
        ended=ended,
        by_unit=by_unit,
        baseline_score=fmean(pair.baseline.score for pair in pairs),
        holdout=held.interval,
        holdout_baseline_score=held.baseline_score,
        repeated=held.repeated,
        estimate=None if old else estimate(opened.believed, seen),
        overfit=luck,
    )


def _effect(
    opened: CertificationOpened,
    plan: Plan,
    differences: Sequence[float],
    rows: Sequence[Sequence[float]],
) -> tuple[Interval | None, str]:
    """The interval that decides, of the pairs that count, and how they came to their end."""
    if opened.rule == "fixed":
        level, whole = 1 - 2 * plan.alpha, len(rows) == len(differences)
        by_unit = crossed_interval(rows, level) if whole else None
        return by_unit or paired_interval(differences, level), ""
    decision = decide(differences, plan, rows)
    interval = confidence(differences[: decision.pairs], plan, rows[: decision.pairs])
    return interval, _ENDED[decision.verdict]


_ENDED = {
    "claim": "",
    "hopeless": "; it ended early, as no claim was in sight",
    "undecided": "; its pairs are used up",
    "open": "; its pairs are used up",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Holdout:
    interval: Interval | None = None
    baseline_score: float | None = None
    seen: Fresh | None = None
    """`None`, too, when it is only repeated."""
    repeated: bool = False


def _holdout(
    history: History,
    opened: CertificationOpened,
    metric: Metric,
    pairs: Sequence[Pair],
    level: float,
) -> _Holdout:
    """What the hold-out shows: looked at once for a champion, and repeated from then on."""
    if not may_see_holdout(history, opened):
        for earlier in reversed(history.certifications[: opened.certification]):
            found = history.certificates.get(earlier.certification)
            same = (earlier.experiment, earlier.baseline) == (opened.experiment, opened.baseline)
            if same and found is not None and found.holdout is not None:
                return _Holdout(
                    interval=found.holdout,
                    baseline_score=found.holdout_baseline_score,
                    repeated=True,
                )
        return _Holdout()
    scores = holdout_scores(pairs, metric)
    if scores is None:
        return _Holdout()
    differences = [new - old for new, old in scores]
    return _Holdout(
        interval=paired_interval(differences, level),
        baseline_score=fmean(old for _, old in scores),
        seen=fresh(differences),
    )


# --- the claim -----------------------------------------------------------------------------------


def _verdict(evidence: _Evidence, opened: CertificationOpened, metric: Metric) -> tuple[bool, str]:
    effect, holdout = evidence.effect, evidence.holdout
    if effect is None:
        return False, f"not claimed: {evidence.missing}"
    edge = plan_of(opened, metric).edge
    name = f"min_effect {number(edge)}" if opened.margin is None else f"the margin {number(edge)}"
    exceeds = effect.low > edge
    contradicted = holdout is not None and holdout.high < min(0.0, edge)
    if exceeds and contradicted:
        rule = "but the hold-out shows it to be worse"
    elif exceeds:
        rule = f"and all of the interval exceeds {name}"
    else:
        rule = f"and a claim needs all of the interval to exceed {name}"
    claim = exceeds and not contradicted
    return claim, (
        f"{'claimed' if claim else 'not claimed'}: {_asked(opened, metric, effect, claim)} with "
        f"n = {effect.pairs} fresh pairs{', by unit' if evidence.by_unit else ''}, {rule}"
        f"{_held(evidence)}{evidence.ended}; the search believed {number(opened.believed.mean)}"
        f"{_likely(evidence)}"
    )


def _asked(opened: CertificationOpened, metric: Metric, effect: Interval, claim: bool) -> str:
    """What was seen. Only what is claimed is said to improve anything."""
    if opened.margin is None and claim:
        return (
            f"on fresh seeds x{opened.experiment} improves {metric.name} {spell_interval(effect)}"
        )
    inside = spelled(effect.low, effect.high, effect.level)
    return (
        f"on fresh seeds x{opened.experiment} differs from x{opened.baseline} in {metric.name} by "
        f"{signed(effect.effect)} ({inside}, plus is better)"
    )


def _held(evidence: _Evidence) -> str:
    if evidence.holdout is None:
        return ""
    when = ", as found before" if evidence.repeated else ""
    return f"; on the hold-out {spell_interval(evidence.holdout)}{when}"


def _likely(evidence: _Evidence) -> str:
    guess = evidence.estimate
    return "" if guess is None else f", and the likeliest effect is {spell_estimate(guess)}"
