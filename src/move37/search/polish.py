"""Structure, then numbers: what a model or an agent wrote has its constants tuned before it is given up.

A strategy for a portfolio: it picks the program whose numbers are worth turning. A new idea is seldom measured
at its best; whether tuning may carry it past the champion is judged by belief, and by what tuning has
brought such programs so far.
"""

from collections import deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import hypot
from statistics import NormalDist, fmean

from move37.core.facts import Checked, EpochStarted, Fact, Opened, Rejected, Steered, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice, Extend, Measured
from move37.search.arms import Ledger
from move37.search.common import Barred

LEAST = 0.1
"""Below such a chance of passing the champion, nothing is polished."""
PATIENCE = 4
"""So many turns halve what a chance is worth."""
IDEAS = 12
"""So many of the latest ideas are considered."""
_FREE = 4
"""So many turns there may be whatever the share."""
_ENOUGH = 3
"""An idea that had so many turns tells what polishing brings."""
_NORMAL = NormalDist()


@dataclass(slots=True)
class Idea:
    """A program that somebody wrote, and what tuning made of it."""

    root: int
    proposer: str
    best: int
    """The best by belief of it and of what was tuned below it."""
    turns: int = 0


class Polish:
    """Implements `core.protocols.Search`: `None` where nothing is worth polishing."""

    def __init__(
        self,
        believer: Believer,
        ledger: Ledger,
        *,
        polisher: str,
        shares: Mapping[str, float],
        checks: Sequence[str] = (),
    ) -> None:
        """
        ledger: a fold that is told every fact before this one is.
        polisher: the proposer that turns numbers. shares: whose programs are polished, and with how much
            of the experiments at most.
        """
        self._believer = believer
        self._ledger = ledger
        self._polisher = polisher
        self._shares = {proposer: share for proposer, share in shares.items() if share > 0}
        self._barred = Barred(frozenset(checks))
        self._start()

    def _start(self) -> None:
        self._proposer: dict[int, str] = {}
        """Of those whose programs are polished and that have not ended."""
        self._idea: dict[int, Idea] = {}
        """Of every idea, and of all that was tuned below it."""
        self._latest: deque[Idea] = deque(maxlen=IDEAS)
        self._told: deque[Idea] = deque(maxlen=IDEAS)
        """The latest that had turns enough to learn from."""
        self._turns: dict[str, int] = {}

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._start()
                self._barred.start(baseline)
            case Opened(experiment=experiment, parents=parents, proposer=proposer):
                if proposer in self._shares:
                    self._proposer[experiment] = proposer
                elif proposer == self._polisher and parents[0] in self._idea:
                    self._turn(experiment, self._idea[parents[0]])
            case Checked() | Steered():
                barred = self._barred.add(fact)
                idea = None if barred is None else self._idea.get(barred)
                if idea is not None and idea.best == barred:
                    idea.best = idea.root
            case Rejected(experiment=experiment):
                self._proposer.pop(experiment, None)
            case Tried(experiment=experiment, trial=trial) if trial.purpose != "stage":
                proposer = self._proposer.pop(experiment, None)
                if proposer is not None and isinstance(trial.outcome, Measured):
                    self._idea[experiment] = idea = Idea(experiment, proposer, experiment)
                    self._latest.append(idea)
                elif (idea := self._idea.get(experiment)) is not None:
                    self._compare(idea, experiment)
            case _:
                pass

    def _turn(self, experiment: int, idea: Idea) -> None:
        self._idea[experiment] = idea
        idea.turns += 1
        self._turns[idea.proposer] = self._turns.get(idea.proposer, 0) + 1
        if idea.turns == _ENOUGH:
            self._told.append(idea)

    def _compare(self, idea: Idea, experiment: int) -> None:
        lead = self._believer.difference(experiment, idea.best)
        if lead is not None and lead.mean > 0 and experiment not in self._barred:
            idea.best = experiment

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Turn the numbers of the idea that is worth it most; `None` where none is."""
        del pending, seed
        if self._polisher in busy:
            return None
        brings = self._brings()
        worth = {
            idea.root: (self._chance(idea, brings) / (1 + idea.turns / PATIENCE), idea)
            for idea in self._considered()
            if self._has_share(history, idea.proposer)
        }
        if not worth:
            return None
        most, idea = max(worth.values(), key=lambda each: (each[0], each[1].root))
        if most < LEAST:
            return None
        return Extend(parents=(idea.best,), proposer=self._polisher)

    def _considered(self) -> Sequence[Idea]:
        """The latest, and that of the champion, however old."""
        ideas = list(self._latest)
        champions = self._idea.get(self._ledger.champion)
        if champions is not None and champions not in ideas:
            ideas.append(champions)
        return [idea for idea in ideas if idea.best not in self._barred]

    def _has_share(self, history: History, proposer: str) -> bool:
        most = self._shares[proposer] * history.spent()
        return self._turns.get(proposer, 0) < max(_FREE, most)

    def _brings(self) -> tuple[float, float]:
        """Mean and sd of what polishing adds to an idea, in score.

        Before it was seen: as much as a new champion usually adds, or nothing where there was none yet.
        """
        usual = self._ledger.rise or 0.0
        seen = [usual]
        for idea in self._told:
            brought = self._believer.difference(idea.best, idea.root)
            seen.append(0.0 if brought is None else max(0.0, brought.mean))
        mean = fmean(seen)
        spread = sum((each - mean) ** 2 for each in seen)
        return mean, ((usual**2 + spread) / len(seen)) ** 0.5

    def _chance(self, idea: Idea, brings: tuple[float, float]) -> float:
        """That polishing carries it past the champion."""
        lead = self._believer.difference(idea.best, self._ledger.champion)
        if lead is None:
            return 0.0
        mean, sd = brings
        spread = hypot(lead.sd, sd)
        behind = lead.mean + mean
        return _NORMAL.cdf(behind / spread) if spread > 0 else float(behind >= 0)
