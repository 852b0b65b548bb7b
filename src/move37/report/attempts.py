"""What was tried and what failed, in groups: a hundred thousand experiments on half a page."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Belief, Failed, Screened

MOST_GROUPS = 16
_EXAMPLES = 3
_SURE = 2.0
"""An effect counts as one from so many of its standard deviations on."""
_FIGURES = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LONGEST = 300
"""Characters of a reason by which failures are grouped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveGroup:
    """All experiments of one kind of edit by one proposer."""

    proposer: str
    move: str
    """Empty where nothing was proposed. Of what is left over when there are many: `others`."""
    experiments: int
    measured: int
    failed: int
    let_go: int
    better: int
    """Believed better than what they changed, by more than twice the uncertainty of that."""
    worse: int
    best: int | None
    """The one with the largest effect on what it changed."""
    best_hypothesis: str
    best_effect: Belief | None
    """On its first parent; positive is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureGroup:
    """Experiments that failed at the same stage for the same reason, whatever the numbers in it."""

    stage: str
    reason: str
    """As the latest of them has it."""
    experiments: int
    examples: tuple[int, ...]
    hypothesis: str
    """Of the latest."""
    output: str
    """What the latest printed last."""


@dataclass(slots=True)
class _Tally:
    experiments: int = 0
    measured: int = 0
    failed: int = 0
    let_go: int = 0
    better: int = 0
    worse: int = 0
    best: Experiment | None = None
    effect: Belief | None = None

    def add(self, one: Experiment, effect: Belief | None) -> None:
        self.experiments += 1
        self.measured += one.is_measured
        self.failed += isinstance(one.outcome, Failed)
        self.let_go += isinstance(one.outcome, Screened)
        if effect is None:
            return
        self.better += effect.mean > _SURE * effect.sd and effect.mean > 0
        self.worse += -effect.mean > _SURE * effect.sd and effect.mean < 0
        if self.effect is None or effect.mean > self.effect.mean:
            self.best, self.effect = one, effect


def move_groups(history: History, beliefs: Believer) -> tuple[MoveGroup, ...]:
    """Of the current epoch, the largest first; the many small ones together."""
    tallies: dict[tuple[str, str], _Tally] = {}
    experiments = [one for one in history.current() if not one.is_baseline]
    for one in experiments:
        tally = tallies.setdefault((one.proposer, one.move), _Tally())
        tally.add(one, _effect(one, beliefs))
    largest = nlargest(MOST_GROUPS, tallies, key=lambda key: tallies[key].experiments)
    groups = [_group(key, tallies[key]) for key in largest]
    rest = tallies.keys() - set(largest)
    if rest:
        groups.append(_group(("", "others"), _sum(tallies[key] for key in sorted(rest))))
    return tuple(groups)


def failure_groups(history: History) -> tuple[FailureGroup, ...]:
    """Of the current epoch, the most frequent first; the rest is counted by `Status.failures`."""
    found: dict[tuple[str, str], _Failures] = {}
    for one in history.current():
        if isinstance(one.outcome, Failed) and not one.is_baseline:
            key = one.outcome.stage, _FIGURES.sub("0", one.outcome.reason[:_LONGEST])
            found.setdefault(key, _Failures()).add(one, one.outcome)
    largest = nlargest(MOST_GROUPS, found, key=lambda key: found[key].count)
    return tuple(_failures(found[key]) for key in largest)


def _effect(one: Experiment, beliefs: Believer) -> Belief | None:
    if not one.is_measured or not one.parents:
        return None
    return beliefs.difference(one.id, one.parents[0])


def _group(key: tuple[str, str], tally: _Tally) -> MoveGroup:
    return MoveGroup(
        proposer=key[0],
        move=key[1],
        experiments=tally.experiments,
        measured=tally.measured,
        failed=tally.failed,
        let_go=tally.let_go,
        better=tally.better,
        worse=tally.worse,
        best=None if tally.best is None else tally.best.id,
        best_hypothesis="" if tally.best is None else tally.best.hypothesis,
        best_effect=tally.effect,
    )


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    whole = _Tally()
    for each in tallies:
        whole.experiments += each.experiments
        whole.measured += each.measured
        whole.failed += each.failed
        whole.let_go += each.let_go
        whole.better += each.better
        whole.worse += each.worse
        if each.effect is not None and (
            whole.effect is None or each.effect.mean > whole.effect.mean
        ):
            whole.best, whole.effect = each.best, each.effect
    return whole


@dataclass(slots=True)
class _Failures:
    count: int = 0
    latest: tuple[Experiment, Failed] | None = None
    examples: list[int] = field(default_factory=list[int])

    def add(self, one: Experiment, failed: Failed) -> None:
        self.count += 1
        self.latest = one, failed
        if len(self.examples) < _EXAMPLES:
            self.examples.append(one.id)


def _failures(found: _Failures) -> FailureGroup:
    assert found.latest is not None, "a group has a member"
    one, failed = found.latest
    return FailureGroup(
        stage=failed.stage,
        reason=failed.reason,
        experiments=found.count,
        examples=tuple(found.examples),
        hypothesis=one.hypothesis,
        output=failed.output[-2000:],
    )
