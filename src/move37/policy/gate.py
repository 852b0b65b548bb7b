"""What to make of the policy's guesses: let the hopeless go before they are measured, begin with the promising.

Pure functions of the facts, and so of the guesses as they were made. Off unless the task says otherwise.
"""

from collections import deque
from collections.abc import Sequence, Set
from dataclasses import replace
from math import erfc, exp, pi, sqrt
from random import Random
from statistics import median

from move37.core.facts import EpochStarted, Fact, Proposed, Staged, Tried
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Guess, Screened
from move37.core.seeds import derive_seed

LEARN = 16
"""Nothing is let go before so many changes have shown what they do."""
RECENT = 48
"""A change is compared with so many of the latest, as if they had been made to the same program."""
HOPELESS = 0.7
"""It is let go if its expected improvement is less than this share of their median."""
ANYWAY = 0.1
"""Share of the hopeless that is measured by lot, so that what the policy knows stays true."""
MOST_IN_A_ROW = 6
"""After so many that were let go, one after the other, the next is measured."""


class Gate:
    """Decides on each proposed experiment. A fold: the believer is told every fact before it is."""

    def __init__(
        self, believer: Believer, *, never: Set[str] = frozenset(), hopeless: float = HOPELESS
    ) -> None:
        """never: proposers whose changes are always measured: people's."""
        self._believer = believer
        self._never = never
        self._hopeless = hopeless
        self._start()

    def _start(self) -> None:
        self._recent: deque[Guess] = deque(maxlen=RECENT)
        self._in_a_row = 0

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._start()
            case Proposed(guess=guess) if guess is not None:
                self._recent.append(guess)
            case Staged(screened=Screened(by="policy")):
                self._in_a_row += 1
            case Tried():
                self._in_a_row = 0
            case _:
                pass

    def decide(self, history: History, one: Experiment, champion: int | None) -> Staged | None:
        """`None`: it is measured."""
        guess = one.guess
        if guess is None or one.trials or one.stages_passed or one.proposer in self._never:
            return None
        if guess.learned_from < LEARN or self._in_a_row >= MOST_IN_A_ROW:
            return None
        gap = self._gap(history, one, champion)
        usual = median(improvement(_as_now(other, guess), gap) for other in self._recent)
        own = improvement(guess, gap)
        if own >= self._hopeless * usual or _by_lot(one):
            return None
        return self._let_go(one, guess, gap, own / usual)

    def _gap(self, history: History, one: Experiment, champion: int | None) -> float:
        """What its parent is behind the champion."""
        if champion is None or not one.parents:
            return 0.0
        lead = self._believer.difference(champion, one.parents[0])
        return 0.0 if lead is None else max(0.0, lead.mean)

    def _let_go(self, one: Experiment, guess: Guess, gap: float, share: float) -> Staged:
        parent = self._believer.belief(one.parents[0])
        reason = (
            f"the policy expects {share:.0%} of the improvement that changes usually promise here "
            f"(effect {guess.mean:+.3g} ± {guess.sd:.2g} on the score, from {guess.learned_from} others)"
        )
        screened = Screened(
            by="policy",
            reason=reason,
            predicted=guess.mean + (0.0 if parent is None else parent.mean),
            predicted_sd=guess.sd,
            chance=(1 - guess.fails) * _above((gap - guess.mean) / guess.sd),
        )
        return Staged(experiment=one.id, stage=0, screened=screened)

    def rank(self, waiting: Sequence[Experiment]) -> Sequence[Experiment]:
        """The most promising first. What has no program yet, and what a person waits for, comes before
        all others, as it was."""
        return sorted(waiting, key=self._promise)

    def _promise(self, one: Experiment) -> float:
        if one.guess is None or one.trials or one.stages_passed or one.proposer in self._never:
            return float("-inf")
        return -improvement(one.guess, 0.0)


def _as_now(other: Guess, guess: Guess) -> Guess:
    """The other one, as if effects had been as large then as they are now."""
    if not other.scale or not guess.scale:
        return other
    factor = guess.scale / other.scale
    return replace(other, mean=other.mean * factor, sd=other.sd * factor)


def improvement(guess: Guess, gap: float) -> float:
    """Expected gain over a champion that the parent is behind by `gap`. A failure gains nothing."""
    if guess.sd <= 0:
        return (1 - guess.fails) * max(0.0, guess.mean - gap)
    z = (guess.mean - gap) / guess.sd
    density = exp(-0.5 * z * z) / sqrt(2 * pi)
    return (1 - guess.fails) * guess.sd * max(0.0, density + z * _above(-z))


def _above(z: float) -> float:
    return 0.5 * erfc(z / sqrt(2))


def _by_lot(one: Experiment) -> bool:
    return Random(derive_seed(one.seed, "policy")).random() < ANYWAY
