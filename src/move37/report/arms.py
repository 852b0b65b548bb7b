"""Who proposed, what it took, and what it is believed to have brought: a line for each arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from move37.report.words import clean, count, duration, percent

if TYPE_CHECKING:
    from move37.search.arms import Ledger

_A_WHILE_SECONDS = 60.0
"""What came of less is no rate by the hour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmView:
    """One proposer, in the current epoch, under one strategy."""

    proposer: str
    strategy: str
    """Which of a portfolio's strategies chose what it changed; empty for the study's own."""
    experiments: int
    share: float
    """Of the epoch's experiments."""
    applied: int
    """Programs came of so many."""
    failed: int
    """Nothing to run came of them, or a program that could not be measured."""
    gain: float
    """Believed: by how much its champions beat those of their time, in the metric's unit; never a claim."""
    seconds: float
    """Of asking and measuring."""
    usd: float
    gain_per_second: float | None
    gain_per_usd: float | None
    """`None`: it cost none."""


def arm_views(ledger: "Ledger") -> tuple[ArmView, ...]:
    """In the order in which they were first given an experiment."""
    known, gained = ledger.known(), ledger.gained()
    whole = sum(account.opened for _, account in known)
    return tuple(
        ArmView(
            proposer=arm.proposer,
            strategy=arm.strategy,
            experiments=account.opened,
            share=account.opened / whole,
            applied=account.applied,
            failed=account.failed,
            gain=(gain := gained.get(arm, 0.0)),
            seconds=account.spent.seconds,
            usd=account.spent.usd,
            gain_per_second=gain / account.spent.seconds if account.spent.seconds > 0 else None,
            gain_per_usd=gain / account.spent.usd if account.spent.usd > 0 else None,
        )
        for arm, account in known
    )


def arm_line(view: ArmView) -> str:
    """`40 experiments (50 %), 2 failed · believed effect +0.031, 0.02 an hour · 1 h 4 min, 0.12 USD`."""
    failed = f", {view.failed:,} failed" if view.failed else ""
    parts = [f"{count(view.experiments, 'experiment')} ({percent(view.share)}){failed}"]
    rates = [f"believed effect {view.gain:+.3g}"]
    if view.gain_per_second is not None and view.gain > 0 and view.seconds >= _A_WHILE_SECONDS:
        rates.append(f"{3600 * view.gain_per_second:.3g} an hour")
    if view.gain_per_usd is not None and view.gain > 0:
        rates.append(f"{view.gain_per_usd:.3g} a dollar")
    parts.append(", ".join(rates))
    usd = f", {view.usd:.2f} USD" if view.usd else ""
    parts.append(f"{duration(view.seconds)}{usd}")
    return " · ".join(parts)


def arm_name(view: ArmView) -> str:
    return clean(f"{view.proposer} ({view.strategy})" if view.strategy else view.proposer)


def are_worth_a_line(views: Sequence[ArmView]) -> bool:
    """Whether a person learns something: there was a choice, or it cost money."""
    return len(views) > 1 or any(view.usd for view in views)
