"""Claims: fresh evidence only, planned before it is gathered, at a level that a whole study can keep.

The rule is in `docs/claims.md`. Everything here is a pure function of the history.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from move37.core.errors import StudyError
from move37.core.facts import CertificationOpened, Certified
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import (
    Belief,
    Check,
    Failed,
    Interval,
    Job,
    Measured,
    Metric,
    Task,
    Trial,
)
from move37.referee.intervals import Units, normal_quantile, paired_interval, units_interval
from move37.referee.seeds import trial_job
from move37.referee.units import parse_units
from move37.referee.wants import missing_checks
from move37.referee.words import number, spell_interval

ALPHA = 0.05
"""The chance that a study makes any false claim, however many times it certifies."""
MOST_PAIRS = 20
POWER = 0.9
"""Pairs are planned so that an effect as large as believed is claimed with this probability."""

Attachment = Callable[[str], bytes | None]
"""Looks up a blob by its key, such as `x12-certify-0/units`."""


def claim_level(certification: int) -> float:
    """Two-sided confidence level of a study's claim, counted from 0: 0.95, 0.983, 0.992, ...

    The k-th may err on the side of a claim with probability `ALPHA / ((k + 1) (k + 2))`. These sum
    to `ALPHA`, so by Bonferroni's inequality the whole study keeps it, without an end to be fixed
    beforehand (alpha-spending: G. Lan and D. DeMets, Biometrika 70 (1983)).
    """
    return 1 - 2 * ALPHA / ((certification + 1) * (certification + 2))


def least_pairs(level: float) -> int:
    """So few pairs that all agree can still be luck rarely enough: `2^-n <= (1 - level) / 2`.

    Guards against what no variance shows: scores in coarse steps, or a program whose good luck is a
    coin flip and whose trials all happened to come up equal (the sign test).
    """
    return math.ceil(-math.log2((1 - level) / 2) - 1e-9)


def planned_pairs(believed: Belief, noise: float, min_effect: float, level: float) -> int:
    """How many pairs of fresh trials to run, fixed before the first one.

    Enough to claim the believed effect with probability `POWER`, were the noise of a pair
    `sqrt(2) * noise`, which is an upper bound as common seeds only lessen it; never fewer than
    `least_pairs`, nor more than `MOST_PAIRS` unless those are. A deterministic evaluation takes the
    least: equal seeds repeat exactly, but nobody knows that of a program tried once.

    Source: W. Guenther, "Sample size formulas for normal theory t tests", The American Statistician
    35 (1981): the normal formula plus z^2 / 2.
    """
    least = least_pairs(level)
    gain = believed.mean - min_effect
    if noise == 0:
        return least
    if gain <= 0:
        return max(least, MOST_PAIRS)
    z = normal_quantile((1 + level) / 2)
    in_noise = min(math.sqrt(2) * noise / gain, MOST_PAIRS)  # beyond that, the square says no more
    needed = ((z + normal_quantile(POWER)) * in_noise) ** 2 + z**2 / 2
    return max(least, min(MOST_PAIRS, math.ceil(needed)))


def open_certification(
    history: History, believer: Believer, task: Task, experiment: int
) -> CertificationOpened:
    """Plan the next certification. Raises `StudyError` when there is nothing to certify."""
    one, baseline = history[experiment], history.baseline
    if one.epoch != baseline.epoch:
        raise StudyError(
            f"x{experiment} was measured before the task changed; certify an experiment "
            f"from x{baseline.id} on"
        )
    if one.is_baseline:
        raise StudyError(
            f"x{experiment} is the baseline itself: there is nothing to compare it with"
        )
    if isinstance(one.outcome, Failed):
        raise StudyError(f"x{experiment} failed ({one.outcome.reason}); certify one that did not")
    if failed := [check.name for check in task.checks if one.checks.get(check.name) is False]:
        raise StudyError(
            f"x{experiment} does not pass the check {failed[0]!r}; certify one that does"
        )
    believed = believer.difference(experiment, baseline.id)
    if believed is None or one.outcome is None:
        raise StudyError(f"x{experiment} has not been measured yet; go on with `move37 run`")
    certification = len(history.certifications)
    level = claim_level(certification)
    return CertificationOpened(
        certification=certification,
        experiment=experiment,
        baseline=baseline.id,
        believed=believed,
        pairs=planned_pairs(believed, believer.noise, task.metric.min_effect, level),
    )


def wanted_trials(
    history: History, opened: CertificationOpened, checks: Sequence[Check] = ()
) -> Sequence[Job]:
    """The jobs that are still needed, in the order to run them in.

    Checks that have not been run on the champion come first. Then champion and baseline alternate,
    and so does which of them goes first (ABBA), so that a drift of the machine favours neither.
    Nothing more is wanted once the champion has failed a check or a trial.
    """
    one = history[opened.experiment]
    champion, baseline = _fresh(history, opened)
    if one.passes([check.name for check in checks]) is False:
        return []
    if any(isinstance(trial.outcome, Failed) for trial in champion.values()):
        return []
    jobs: list[Job] = list(missing_checks(one, checks))
    for index in _indexes(history, opened):
        pair = [(one, champion), (history[opened.baseline], baseline)]
        for experiment, ended in pair if index % 2 == 0 else reversed(pair):
            if index not in ended:
                jobs.append(trial_job(history, experiment, "certify", index))
    return jobs


def conclude(
    history: History, opened: CertificationOpened, task: Task, attachment: Attachment
) -> Certified:
    """Say what the fresh evidence shows. Raises `StudyError` while something is still wanted."""
    if wanted := wanted_trials(history, opened, task.checks):
        raise StudyError(
            f"certification {opened.certification} of x{opened.experiment} still wants "
            f"{len(wanted)} jobs; run `move37 certify x{opened.experiment}`"
        )
    evidence = _gather(history, opened, task, attachment)
    claim, reason = _decide(evidence, opened, task.metric)
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
    )


# --- the evidence --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    missing: str = ""
    """Why there is no effect; empty when there is one."""
    effect: Interval | None = None
    by_unit: bool = False
    baseline_score: float | None = None
    holdout: Interval | None = None
    holdout_baseline_score: float | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two trials with one seed."""

    index: int
    champion: Measured
    baseline: Measured


def _gather(
    history: History, opened: CertificationOpened, task: Task, attachment: Attachment
) -> _Evidence:
    level = claim_level(opened.certification)
    champion, baseline = _fresh(history, opened)
    if missing := _why_not(history[opened.experiment], champion.values(), task.checks):
        return _Evidence(missing=missing)
    pairs = [
        _Pair(index, new, old)
        for index in champion.keys() & baseline.keys()
        if isinstance(new := champion[index].outcome, Measured)
        and isinstance(old := baseline[index].outcome, Measured)
    ]
    pairs.sort(key=lambda pair: pair.index)
    if len(pairs) < least_pairs(level):
        return _Evidence(
            missing=f"the baseline finished {len(pairs)} of {opened.pairs} fresh trials, "
            f"and a claim rests on no fewer than {least_pairs(level)} pairs"
        )
    by_unit = _by_unit(opened, pairs, task.metric, attachment)
    effect = paired_interval([pair.champion.score - pair.baseline.score for pair in pairs], level)
    held = [scores for pair in pairs if (scores := _holdout_scores(pair, task.metric)) is not None]
    whole = len(held) == len(pairs)
    return _Evidence(
        effect=effect if by_unit is None else units_interval(*by_unit, level) or effect,
        by_unit=by_unit is not None,
        baseline_score=fmean(pair.baseline.score for pair in pairs),
        holdout=paired_interval([new - old for new, old in held], level) if whole else None,
        holdout_baseline_score=fmean(old for _, old in held) if whole else None,
    )


def _why_not(one: Experiment, fresh: Iterable[Trial], checks: Sequence[Check]) -> str:
    """Why the champion cannot be one, whatever its scores; empty when it can."""
    for check in checks:
        if one.checks.get(check.name) is False:
            return f"x{one.id} does not pass the check {check.name!r}"
    for trial in sorted(fresh, key=lambda trial: trial.index):
        if isinstance(trial.outcome, Failed):
            return f"x{one.id} fails on the fresh seed {trial.seed}: {trial.outcome.reason}"
    return ""


def _fresh(
    history: History, opened: CertificationOpened
) -> tuple[Mapping[int, Trial], Mapping[int, Trial]]:
    """The trials of champion and baseline that belong to this certification, by index."""
    indexes = _indexes(history, opened)

    def of(experiment: int) -> Mapping[int, Trial]:
        return {
            trial.index: trial
            for trial in history[experiment].trials
            if trial.purpose == "certify" and trial.index in indexes
        }

    return of(opened.experiment), of(opened.baseline)


def _indexes(history: History, opened: CertificationOpened) -> range:
    """Those of its trials: certifications number theirs on from one another, so that none is shared."""
    before = history.certifications[: opened.certification]
    first = sum(earlier.pairs for earlier in before)
    return range(first, first + opened.pairs)


def _by_unit(
    opened: CertificationOpened, pairs: Sequence[_Pair], metric: Metric, attachment: Attachment
) -> tuple[Sequence[Units], Sequence[Units]] | None:
    """Scores by unit of champion and baseline; `None` unless every trial left the same units.

    Their mean has to be the metric, for otherwise they measure something else: a sum, say, or
    a mean that is weighted.
    """
    new = [
        _units(opened.experiment, pair.index, pair.champion, metric, attachment) for pair in pairs
    ]
    old = [_units(opened.baseline, pair.index, pair.baseline, metric, attachment) for pair in pairs]
    champion = [units for units in new if units is not None]
    baseline = [units for units in old if units is not None]
    if len(champion) < len(pairs) or len(baseline) < len(pairs):
        return None
    same = all(units.keys() == champion[0].keys() for units in (*champion, *baseline))
    return (champion, baseline) if same else None


def _units(
    experiment: int, index: int, measured: Measured, metric: Metric, attachment: Attachment
) -> Units | None:
    data = attachment(f"x{experiment}-certify-{index}/units")
    if data is None:
        return None
    units = {name: metric.score(value) for name, value in parse_units(data).items()}
    mean = fmean(units.values())
    # As printed: a metric is often rounded to a few digits, and units are not.
    return units if math.isclose(mean, measured.score, rel_tol=1e-3, abs_tol=1e-6) else None


def _holdout_scores(pair: _Pair, metric: Metric) -> tuple[float, float] | None:
    name = f"holdout_{metric.name}"
    if name not in pair.champion.metrics or name not in pair.baseline.metrics:
        return None
    return metric.score(pair.champion.metrics[name]), metric.score(pair.baseline.metrics[name])


# --- the claim -----------------------------------------------------------------------------------


def _decide(evidence: _Evidence, opened: CertificationOpened, metric: Metric) -> tuple[bool, str]:
    effect, holdout = evidence.effect, evidence.holdout
    if effect is None:
        return False, f"not claimed: {evidence.missing}"
    edge = f"min_effect {number(metric.min_effect)}"
    exceeds = effect.low > metric.min_effect
    contradicted = holdout is not None and holdout.high < 0
    if exceeds and contradicted:
        rule = "but the hold-out shows it to be worse"
    elif exceeds:
        rule = f"and all of the interval exceeds {edge}"
    else:
        rule = f"and a claim needs all of the interval to exceed {edge}"
    claim = exceeds and not contradicted
    counted = f"n = {effect.pairs} fresh pairs" + (", by unit" if evidence.by_unit else "")
    held = "" if holdout is None else f"; on the hold-out {spell_interval(holdout)}"
    return claim, (
        f"{'claimed' if claim else 'not claimed'}: on fresh seeds x{opened.experiment} improves "
        f"{metric.name} {spell_interval(effect)} with {counted}, {rule}{held}; "
        f"the search believed {number(opened.believed.mean)}"
    )
