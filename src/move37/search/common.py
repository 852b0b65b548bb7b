"""What strategies share: who may be a parent, who is the champion, whose turn it is to propose."""

from collections.abc import Iterator, Mapping, Sequence, Set
from random import Random
from sys import intern
from typing import Any

from move37.core.errors import TaskError
from move37.core.facts import Checked, Fact, Steered
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Extend, Order
from move37.core.seeds import derive_seed

_FIRST_LOOK = 16


def ranked(believer: Believer) -> Iterator[int]:
    """Measured experiments, best belief first. No more of the ranking is asked for than is consumed."""
    seen, limit = 0, _FIRST_LOOK
    while True:
        ranking = believer.ranking(limit)
        yield from ranking[seen:]
        if len(ranking) < limit:
            return
        seen, limit = limit, 4 * limit


def eligible(history: History, believer: Believer, checks: Sequence[str]) -> Iterator[int]:
    """Measured experiments that may be parents, best belief first; as `ranked`."""
    for experiment in ranked(believer):
        if may_be_parent(history, experiment, checks):
            yield experiment


def may_be_parent(history: History, experiment: int, checks: Sequence[str]) -> bool:
    """Whether it was measured, has failed none of these checks, and nobody has vetoed it."""
    return (
        history[experiment].is_measured
        and _passes(history, experiment, checks) is not False
        and experiment not in history.steering.vetoes
    )


class Barred:
    """Programs that nothing is built on: they have failed a check, or were vetoed. Never the baseline."""

    def __init__(self, checks: Set[str] | None) -> None:
        """checks: names of those that count; `None`: all."""
        self._checks = checks
        self.start(None)

    def start(self, baseline: int | None) -> None:
        """An epoch has begun."""
        self._baseline = baseline
        self._failed: set[int] = set()
        self._vetoed: set[int] = set()

    def __contains__(self, experiment: int) -> bool:
        return experiment in self._failed or experiment in self._vetoed

    def add(self, fact: Fact) -> int | None:
        """Take the next fact. Returns the experiment that is barred by it, if one is."""
        match fact:
            case Checked(experiment=experiment, check=check, passed=False):
                if experiment == self._baseline or not (
                    self._checks is None or check in self._checks
                ):
                    return None
                self._failed.add(experiment)
                return experiment
            case Steered(order=Order(does="veto", experiment=int(experiment))):
                self._vetoed.add(experiment)
                return experiment
            case Steered(order=Order(does="unveto", experiment=int(experiment))):
                self._vetoed.discard(experiment)
            case _:
                pass
        return None


def contender(history: History, believer: Believer, checks: Sequence[str]) -> int | None:
    """The best experiment that has failed no check, whether or not all have been run on it.

    The baseline counts as passing: it is what the user has. `None` before anything is measured.
    """
    return next(eligible(history, believer, checks), None)


def champion(history: History, believer: Believer, checks: Sequence[str]) -> int | None:
    """The best experiment that has passed every check, for a report.

    One that is still unchecked is passed over until its checks have run (the referee asks for those
    of the contender). `None` before anything is measured.
    """
    for experiment in eligible(history, believer, checks):
        if _passes(history, experiment, checks):
            return experiment
    return None


def _passes(history: History, experiment: int, checks: Sequence[str]) -> bool | None:
    """As `Experiment.passes`, but the unchanged task is never turned down: there is nothing else."""
    return True if history[experiment].is_baseline else history[experiment].passes(checks)


def pick_proposer(proposers: Sequence[str], seed: int, busy: Set[str] = frozenset()) -> str | None:
    """One of those that are not busy, each as likely as the others, determined by the seed."""
    free = [proposer for proposer in proposers if proposer not in busy]
    return Random(derive_seed(seed, "proposer")).choice(free) if free else None


def extend(
    parents: tuple[int, ...], proposers: Sequence[str], seed: int, busy: Set[str]
) -> Extend | None:
    """An experiment for one of the proposers that are not busy; `None` when all are."""
    proposer = pick_proposer(proposers, seed, busy)
    return None if proposer is None else Extend(parents=parents, proposer=proposer)


def require_proposers(proposers: Sequence[str]) -> tuple[str, ...]:
    """Raises `TaskError` when there is none: a search that nobody proposes to is a broken task."""
    if not proposers:
        raise TaskError("a search needs at least one proposer; add a [[proposer]] table")
    return tuple(proposers)


def told_sites(detail: Mapping[str, Any]) -> Sequence[str]:
    """The places in a program that a proposer says it has edited; none where it says nothing of `sites`."""
    sites: Any = detail.get("sites")
    if not isinstance(sites, list | tuple):
        return ()
    # Each is a name, or a record that begins with it.
    firsts: list[Any] = [
        site[0] if isinstance(site, list | tuple) and site else site  # pyright: ignore[reportUnknownVariableType]
        for site in sites  # pyright: ignore[reportUnknownVariableType]
    ]
    # Kept for each program of a study, and few names in all: each is kept once.
    return tuple(intern(first) for first in firsts if isinstance(first, str))
