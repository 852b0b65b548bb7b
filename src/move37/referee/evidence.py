"""The fresh evidence of a certification: which trials belong to it, and what they show in pairs.

Everything here is a pure function of the history and of the attachments.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from move37.core.facts import CertificationOpened
from move37.core.history import Experiment, History
from move37.core.records import Check, Failed, Measured, Metric, Trial
from move37.referee.intervals import Units
from move37.referee.units import parse_units

Attachment = Callable[[str], bytes | None]
"""Looks up a blob by its key, such as `x12-certify-0/units`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two trials with one seed and one split."""

    index: int
    champion: Measured
    baseline: Measured

    @property
    def difference(self) -> float:
        return self.champion.score - self.baseline.score


def indexes(history: History, opened: CertificationOpened) -> range:
    """Those of its trials: certifications number theirs on from one another, so that none is shared."""
    before = history.certifications[: opened.certification]
    first = sum(earlier.pairs for earlier in before)
    return range(first, first + opened.pairs)


def fresh_trials(
    history: History, experiment: int, among: range | Sequence[int]
) -> Mapping[int, Trial]:
    """The certifying trials of an experiment that have these indexes, by index."""
    return {
        trial.index: trial
        for trial in history[experiment].trials
        if trial.purpose == "certify" and trial.index in among
    }


def finished_pairs(history: History, opened: CertificationOpened, among: range) -> Sequence[Pair]:
    """The pairs of these indexes of which both trials gave a score, in order."""
    champion = fresh_trials(history, opened.experiment, among)
    baseline = fresh_trials(history, opened.baseline, among)
    return [
        Pair(index, new, old)
        for index in among
        if index in champion
        and index in baseline
        and isinstance(new := champion[index].outcome, Measured)
        and isinstance(old := baseline[index].outcome, Measured)
    ]


def why_not(one: Experiment, fresh: Iterable[Trial], checks: Sequence[Check]) -> str:
    """Why the champion cannot be one, whatever its scores; empty when it can."""
    for check in checks:
        if one.checks.get(check.name) is False:
            return f"x{one.id} does not pass the check {check.name!r}"
    for trial in sorted(fresh, key=lambda trial: trial.index):
        if isinstance(trial.outcome, Failed):
            return f"x{one.id} fails on the fresh seed {trial.seed}: {trial.outcome.reason}"
    return ""


# --- by unit -------------------------------------------------------------------------------------


def unit_differences(
    opened: CertificationOpened, pairs: Sequence[Pair], metric: Metric, attachment: Attachment
) -> Sequence[Sequence[float]]:
    """Champion less baseline by pair and unit, [S, U], for as long as both trials left the same units.

    Shorter than `pairs` where they did not; what comes after that pair changes nothing before it.
    Where each split draws other examples, NaN stands for those that a pair does not have.
    Their mean has to be the metric, for otherwise they measure something else: a sum, say, or
    a mean that is weighted.
    """
    found: list[Mapping[str, float]] = []
    for pair in pairs:
        new = _units(opened.experiment, pair.index, pair.champion, metric, attachment)
        old = _units(opened.baseline, pair.index, pair.baseline, metric, attachment)
        if new is None or old is None or new.keys() != old.keys():
            break
        found.append({name: new[name] - old[name] for name in new})
    # In the order in which they turn up, so that what comes later changes nothing before it.
    names = dict.fromkeys(name for differences in found for name in sorted(differences))
    return [[differences.get(name, math.nan) for name in names] for differences in found]


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


# --- the hold-out --------------------------------------------------------------------------------


def may_see_holdout(history: History, opened: CertificationOpened) -> bool:
    """Whether nobody has looked at the hold-out with either of the two programs yet.

    Only the baseline may be looked at again and again: nobody chooses it for what one sees.
    """
    first = indexes(history, opened).start
    two = (history[opened.experiment], history[opened.baseline])
    return not any(
        trial.purpose == "certify" and trial.index < first
        for one in two
        if not one.is_baseline
        for trial in one.trials
    )


def holdout_scores(pairs: Sequence[Pair], metric: Metric) -> Sequence[tuple[float, float]] | None:
    """Scores of champion and baseline on the hold-out, by pair; `None` unless every pair has them."""
    name = f"holdout_{metric.name}"
    if not pairs or any(
        name not in each.metrics for pair in pairs for each in (pair.champion, pair.baseline)
    ):
        return None
    return [
        (metric.score(pair.champion.metrics[name]), metric.score(pair.baseline.metrics[name]))
        for pair in pairs
    ]
