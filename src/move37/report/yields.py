"""What each proposer was given, where it failed, what it cost, and what is believed to have come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from move37.core.history import Experiment, History
from move37.core.records import Failed, Measured, Screened
from move37.report.arms import ArmView, arm_views

if TYPE_CHECKING:
    from move37.search.arms import Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelYield:
    """One model that was asked, over the current epoch."""

    model: str
    questions: int
    answered: int
    failed: int
    """Questions without an answer, or with none that could be had."""
    tokens_in: int
    tokens_out: int
    seconds: float
    usd: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposerYield:
    """One proposer in the current epoch, over all strategies."""

    proposer: str
    opened: int
    applied: int
    """Programs came of so many."""
    measured: int
    screened: int
    running: int
    certified: int
    """Experiments of its own whose latest certificate claims that they are better than the baseline."""
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many failed, by stage."""
    gain: float
    """Believed: by how much its champions beat those of their time; in the metric's unit, never a claim."""
    seconds: float
    usd: float
    gain_per_second: float | None
    gain_per_usd: float | None
    """`None`: it cost none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Yields:
    proposers: tuple[ProposerYield, ...]
    arms: tuple[ArmView, ...]
    """The same by strategy, where the study has several."""
    models: tuple[ModelYield, ...]


def yields(history: History, ledger: "Ledger") -> Yields:
    arms = arm_views(ledger)
    by_proposer: dict[str, list[ArmView]] = {}
    for arm in arms:
        by_proposer.setdefault(arm.proposer, []).append(arm)
    counts: dict[str, _Count] = {}
    for one in history.current():
        if one.parents:
            counts.setdefault(one.proposer, _Count()).add(one)
    certified = _certified(history)
    return Yields(
        proposers=tuple(
            _proposer(name, counts.get(name, _Count()), own, certified.get(name, 0))
            for name, own in by_proposer.items()
        ),
        arms=arms if any(arm.strategy for arm in arms) else (),
        models=_models(history),
    )


@dataclass(slots=True)
class _Count:
    opened: int = 0
    applied: int = 0
    measured: int = 0
    screened: int = 0
    running: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, one: Experiment) -> None:
        self.opened += 1
        self.applied += one.commit is not None
        match one.outcome:
            case None:
                self.running += 1
            case Measured():
                self.measured += 1
            case Screened():
                self.screened += 1
            case Failed(stage=stage):
                self.failures[stage] = self.failures.get(stage, 0) + 1


def _proposer(name: str, count: _Count, arms: list[ArmView], certified: int) -> ProposerYield:
    gain = sum(arm.gain for arm in arms)
    seconds, usd = sum(arm.seconds for arm in arms), sum(arm.usd for arm in arms)
    return ProposerYield(
        proposer=name,
        opened=count.opened,
        applied=count.applied,
        measured=count.measured,
        screened=count.screened,
        running=count.running,
        certified=certified,
        failures=dict(sorted(count.failures.items(), key=lambda each: -each[1])),
        gain=gain,
        seconds=seconds,
        usd=usd,
        gain_per_second=gain / seconds if seconds > 0 else None,
        gain_per_usd=gain / usd if usd > 0 else None,
    )


def _certified(history: History) -> dict[str, int]:
    found: dict[str, int] = {}
    for id in {certified.experiment for certified in history.certificates.values()}:
        latest = history.certificate_of(id)
        one = history[id]
        if latest is not None and latest.claim and one.epoch == history.epoch.epoch:
            found[one.proposer] = found.get(one.proposer, 0) + 1
    return found


def _models(history: History) -> tuple[ModelYield, ...]:
    """Those that answered, as they call themselves; where none did, as they were asked for."""
    totals: dict[str, list[float]] = {}
    for one in history.current():
        for asked in one.asked if one.asked else ():
            told = next((each for each in one.answers if each.round == asked.round), None)
            total = totals.setdefault(told.model if told else asked.model, [0.0] * 7)
            total[0] += 1
            if told is None:
                continue
            total[1] += not told.failed
            total[2] += bool(told.failed)
            total[3] += told.tokens_in
            total[4] += told.tokens_out
            total[5] += told.seconds
            total[6] += told.usd
    return tuple(
        ModelYield(
            model=model,
            questions=int(t[0]),
            answered=int(t[1]),
            failed=int(t[2]),
            tokens_in=int(t[3]),
            tokens_out=int(t[4]),
            seconds=t[5],
            usd=t[6],
        )
        for model, t in totals.items()
    )
