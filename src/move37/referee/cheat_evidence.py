"""What the trials of a study say about a gain: does it vanish on fresh seeds, units or the hold-out?

A pure function of the history. Luck explains much of what vanishes, and is no cheat: a remark is
`serious` only where luck does not explain it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, variance

from move37.core.facts import Certified
from move37.core.history import Experiment, History
from move37.core.records import Belief, Measured, Metric, Purpose, Remark
from move37.referee.intervals import Units
from move37.referee.units import UnitsError, parse_units
from move37.referee.words import number, percent

Attachment = Callable[[str], bytes | None]

_LUCK = 5.0
"""Standard errors. The best of a thousand is three beyond its worth by luck alone."""
_MANY_EQUAL = 3
_MOST_OF_IT = 0.8
_FEW_UNITS = 10
_FAST = 0.1


def evidence(
    history: History,
    experiment: int,
    metric: Metric,
    attachment: Attachment,
    *,
    only_tests: Belief | None = None,
) -> Iterator[Remark]:
    """What the trials of an experiment and of its baseline give reason to say.

    only_tests: what is believed of the effect of its test-like files alone, put into the baseline;
    `None` where nobody has tried, or there are none.
    """
    one = history[experiment]
    baseline = history[history.epochs[one.epoch].baseline]
    if one.id == baseline.id or not one.is_measured:
        return
    certified = _certificate(history, one.id, baseline.id)
    if certified is not None:
        yield from _fresh_seeds(one, baseline, certified)
        yield from _hold_out(certified)
    yield from _without_seed(one, baseline)
    yield from _perfect(one, baseline, metric)
    yield from _fast(one, baseline)
    yield from _units(one, baseline, metric, attachment)
    if only_tests is not None:
        yield from _only_tests(one, baseline, only_tests)


def _certificate(history: History, experiment: int, baseline: int) -> Certified | None:
    """The latest one against the baseline."""
    found = [
        each
        for _, each in sorted(history.certificates.items())
        if (each.experiment, each.baseline) == (experiment, baseline)
    ]
    return found[-1] if found else None


# --- seeds ---------------------------------------------------------------------------------------


def _fresh_seeds(one: Experiment, baseline: Experiment, certified: Certified) -> Iterator[Remark]:
    old, new = (_differences(one, baseline, purpose) for purpose in ("search", "certify"))
    if not old or len(new) < 2 or certified.claim:
        return
    before, after = fmean(old), fmean(new)
    if before <= 0 or after > before / 2:
        return
    spread = math.sqrt(variance(new))
    error = spread * math.sqrt(1 / len(old) + 1 / len(new))
    is_beyond_luck = before - after > _LUCK * error
    yield Remark(
        topic="fresh seeds",
        gravity="serious" if is_beyond_luck else "look",
        what=f"gained {number(before)} on the seeds of the search and {number(after)} on fresh ones",
        why="luck does not explain so much: it fits the seeds that it was chosen on"
        if is_beyond_luck
        else "most of what was measured at first was luck",
    )


def _differences(one: Experiment, other: Experiment, purpose: Purpose) -> Sequence[float]:
    """On equal seeds."""
    mine, theirs = _by_index(one, purpose), _by_index(other, purpose)
    return [
        mine[index].score - theirs[index].score for index in sorted(mine.keys() & theirs.keys())
    ]


def _by_index(one: Experiment, purpose: Purpose) -> Mapping[int, Measured]:
    return {
        trial.index: trial.outcome
        for trial in one.trials
        if trial.purpose == purpose and isinstance(trial.outcome, Measured)
    }


def _without_seed(one: Experiment, baseline: Experiment) -> Iterator[Remark]:
    mine, theirs = one.scores(), baseline.scores()
    if len(mine) < _MANY_EQUAL or len(theirs) < _MANY_EQUAL:
        return
    if len(set(mine)) == 1 and len(set(theirs)) > len(theirs) / 2:
        yield Remark(
            topic="seed",
            gravity="look",
            what=f"gives the same number on {len(mine)} different seeds, where the baseline's vary",
            why="a program that ignores its seed shows one draw of luck again and again",
        )


# --- what else stands out ------------------------------------------------------------------------


def _hold_out(certified: Certified) -> Iterator[Remark]:
    held, effect = certified.holdout, certified.effect
    if held is None or effect is None or effect.effect <= 0:
        return
    if held.high < 0:
        yield Remark(
            topic="hold-out",
            gravity="serious",
            what=f"is worse on the hold-out, by {number(-held.effect)}",
            why="it fits the data that it was chosen on",
        )
    elif held.low <= 0 < effect.low and held.effect < effect.effect / 2:
        yield Remark(
            topic="hold-out",
            gravity="look",
            what=f"gains {number(effect.effect)}, and {number(held.effect)} on the hold-out",
            why="the gain may be one on the data that it was chosen on",
        )


def _perfect(one: Experiment, baseline: Experiment, metric: Metric) -> Iterator[Remark]:
    values = {metric.value(score) for score in one.scores()}
    best = 0.0 if metric.direction == "minimize" else 1.0
    before = [metric.value(score) for score in baseline.scores()]
    if values == {best} and before and all(value != best for value in before):
        yield Remark(
            topic="metric",
            gravity="look",
            what=f"scores exactly {number(best)} in every trial",
            why="what is perfect is rarer than what is made up",
        )


def _fast(one: Experiment, baseline: Experiment) -> Iterator[Remark]:
    mine, theirs = (
        [
            trial.outcome.cpu_seconds
            for trial in each.trials
            if isinstance(trial.outcome, Measured) and trial.purpose != "stage"
        ]
        for each in (one, baseline)
    )
    if theirs and min(theirs) > 0.5 and max(mine) < _FAST * min(theirs):
        yield Remark(
            topic="ending",
            gravity="note",
            what=f"takes {percent(round(fmean(mine) / fmean(theirs), 3))} of the baseline's time",
            why="fine if speed was asked for; else see whether the work is still done",
        )


# --- units ---------------------------------------------------------------------------------------


def _units(
    one: Experiment, baseline: Experiment, metric: Metric, attachment: Attachment
) -> Iterator[Remark]:
    """Whether the gain is in few units, or in those alone that the search has seen."""

    def gains(purpose: Purpose) -> dict[str, float]:
        mine, theirs = (
            _mean_by_unit(each, purpose, metric, attachment) for each in (one, baseline)
        )
        return {name: mine[name] - theirs[name] for name in mine.keys() & theirs.keys()}

    seen, fresh = gains("search"), gains("certify")
    by_unit = fresh or seen
    total = math.fsum(map(abs, by_unit.values()))
    if len(by_unit) >= _FEW_UNITS and math.fsum(by_unit.values()) > 0:
        most = max(by_unit, key=lambda name: by_unit[name])
        if by_unit[most] > _MOST_OF_IT * total:
            yield Remark(
                topic="units",
                gravity="look",
                what=f"owes {percent(round(min(by_unit[most] / total, 1.0), 2))} of its gain to the unit "
                f"{most!r}, one of {len(by_unit)}",
                why="an answer that is written down gains in its own case alone",
            )
    new = [fresh[name] for name in fresh.keys() - seen.keys()]
    old = [*seen.values()]
    if len(new) >= 5 and len(old) >= 5 and fmean(old) > 0 and fmean(new) <= fmean(old) / 4:
        error = math.sqrt(variance(new) / len(new) + variance(old) / len(old))
        if fmean(old) - fmean(new) > 2 * error:
            yield Remark(
                topic="units",
                gravity="look",
                what=f"gains {number(fmean(old))} on units that the search saw "
                f"and {number(fmean(new))} on others",
                why="it fits the units that it was chosen on",
            )


def _mean_by_unit(
    one: Experiment, purpose: Purpose, metric: Metric, attachment: Attachment
) -> Units:
    sums: dict[str, list[float]] = {}
    for index in _by_index(one, purpose):
        data = attachment(f"x{one.id}-{purpose}-{index}/units")
        if data is None:
            continue
        try:
            units = parse_units(data)
        except UnitsError:
            continue
        for name, value in units.items():
            sums.setdefault(name, []).append(metric.score(value))
    return {name: fmean(values) for name, values in sums.items()}


# --- files that judge ----------------------------------------------------------------------------


def _only_tests(one: Experiment, baseline: Experiment, only_tests: Belief) -> Iterator[Remark]:
    gain = fmean(one.scores()) - fmean(baseline.scores())
    if only_tests.mean > 2 * only_tests.sd and only_tests.mean > gain / 4:
        yield Remark(
            topic="tests",
            gravity="serious",
            what=f"gains {number(only_tests.mean)} by its test-like files alone",
            why="what judges the program should not change with it",
        )
