"""What each arm, a strategy and a proposer, was given and is believed to have gained with it.

A fold over the facts: seconds and dollars are those that the facts tell. What was gained is not kept but
asked of belief anew each time, as an experiment that looked good may turn out to have been lucky.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from move37.core.facts import (
    Answered,
    Asked,
    Checked,
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Staged,
    Steered,
    Tried,
)
from move37.core.protocols import Believer
from move37.core.records import Failed
from move37.search.common import Barred

WINDOW = 48
"""So many of the latest experiments of each arm are asked for what they gained."""
HALF_LIFE = 64.0
"""An experiment counts half as much after so many others have ended: gains fall as the champion rises."""
_LATELY = 3
"""The pace is that of so many of the latest rises."""
_LATE = 2.0
"""Belief is on a plateau when it has not risen for so many times as long as it usually takes."""
_DEEPEST = 3.0
_FIRST_LOOK, _WIDER = 1, 64


@dataclass(frozen=True, slots=True)
class Arm:
    """Who may be given the next experiment."""

    strategy: str
    """Which strategy of a portfolio chooses the parents; empty for the study's own."""
    proposer: str


@dataclass(slots=True)
class Pull:
    """One experiment, as its arm is charged for it and credited with it."""

    experiment: int
    arm: Arm
    rival: int
    """The champion when it was opened."""
    seconds: float = 0.0
    """Asking and measuring, repeats apart: those are the search's."""
    usd: float = 0.0
    may_cost_usd: float = 0.0
    """A question that is under way."""
    ended_at: int | None = None
    """How many experiments had ended before. `None`: it runs."""
    rose: bool = False
    """It was champion once."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Experiments, seconds and dollars."""

    experiments: float = 0.0
    seconds: float = 0.0
    usd: float = 0.0

    def plus(self, other: "Spending", weight: float = 1.0) -> "Spending":
        return Spending(
            self.experiments + weight * other.experiments,
            self.seconds + weight * other.seconds,
            self.usd + weight * other.usd,
        )

    def times(self, factor: float) -> "Spending":
        return Spending().plus(self, factor)


@dataclass(slots=True)
class Account:
    """What is known of one arm."""

    opened: int = 0
    applied: int = 0
    """Programs came of so many of its experiments."""
    failed: int = 0
    """Nothing to run came of them, or a program that could not be measured."""
    spent: Spending = field(default_factory=Spending)
    """All of it, experiments that run included."""
    latest: deque[Pull] = field(default_factory=lambda: deque(maxlen=WINDOW))
    """Those that have ended, the oldest first."""
    lately: Spending = field(default_factory=Spending)
    """Of those that have ended, each counted by its age as of `lately_at`."""
    lately_at: int = 0


class Ledger:
    """The arms of the current epoch. A `Fold`; the believer is told every fact before it is.

    Everything is flat in the length of the study but `gained`, which is for reports.
    """

    def __init__(self, believer: Believer) -> None:
        self._believer = believer
        self._barred = Barred(None)
        self._start(0)

    def _start(self, baseline: int) -> None:
        self._baseline = baseline
        self._pulls: dict[int, Pull] = {}
        self._accounts: dict[Arm, Account] = {}
        self._running: dict[int, None] = {}
        self._barred.start(baseline)
        self._champion = baseline
        self._level: float | None = None
        self._risen_at = 0
        self._waits: deque[int] = deque(maxlen=_LATELY)
        self._rises: deque[float] = deque(maxlen=_LATELY)
        self.ended = 0
        """How many experiments have ended, the baseline apart."""
        self.total = Spending()
        """Of those that have ended."""

    # --- taking facts ------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._start(baseline)
            case Opened(experiment=experiment):
                arm = Arm(fact.strategy, fact.proposer)
                self._pulls[experiment] = Pull(experiment, arm, self._find_champion())
                self._running[experiment] = None
                account = self._accounts.setdefault(arm, Account())
                account.opened += 1
                account.spent = account.spent.plus(Spending(1))
            case Checked() | Steered():
                if self._barred.add(fact) == self._champion:
                    self._look()
            case Tried(experiment=experiment) if experiment == self._baseline:
                self._look()
            case Asked() | Answered() | Proposed() | Rejected() | Tried() | Staged():
                if (pull := self._pulls.get(fact.experiment)) is not None:
                    self._charge(pull, fact)
            case _:
                pass

    def _charge(
        self, pull: Pull, fact: Asked | Answered | Proposed | Rejected | Tried | Staged
    ) -> None:
        match fact:
            case Asked(usd_at_most=most):
                # Asked before and never answered: nobody knows what that did cost.
                self._pay(pull, usd=pull.may_cost_usd)
                pull.may_cost_usd = most
            case Answered(usd=usd, seconds=seconds):
                pull.may_cost_usd = 0.0
                self._pay(pull, seconds=seconds, usd=usd)
            case Proposed(usd=usd):
                self._accounts[pull.arm].applied += 1
                self._pay(pull, usd=usd)
            case Rejected(usd=usd):
                self._pay(pull, usd=usd + pull.may_cost_usd)
                pull.may_cost_usd = 0.0
                self._end(pull, failed=True)
            case Tried(trial=trial):
                if trial.purpose == "stage" or pull.ended_at is None:
                    self._pay(pull, seconds=trial.outcome.seconds)
                failed = isinstance(trial.outcome, Failed)
                if pull.ended_at is None and (trial.purpose != "stage" or failed):
                    self._end(pull, failed=failed)
                if trial.purpose != "stage":
                    self._look()
            case Staged(screened=screened):
                if screened is not None:
                    self._end(pull, failed=False)

    def _pay(self, pull: Pull, *, seconds: float = 0.0, usd: float = 0.0) -> None:
        paid = Spending(0, seconds, usd)
        pull.seconds += seconds
        pull.usd += usd
        account = self._accounts[pull.arm]
        account.spent = account.spent.plus(paid)
        if pull.ended_at is not None:
            account.lately = account.lately.plus(paid)

    def _end(self, pull: Pull, *, failed: bool) -> None:
        if pull.ended_at is not None:
            return
        pull.ended_at = self.ended
        self.ended += 1
        self._running.pop(pull.experiment)
        account = self._accounts[pull.arm]
        account.failed += failed
        account.latest.append(pull)
        paid = Spending(1, pull.seconds, pull.usd)
        account.lately = self._faded(account).plus(paid)
        account.lately_at = self.ended
        self.total = self.total.plus(paid)

    def _faded(self, account: Account) -> Spending:
        return account.lately.times(0.5 ** ((self.ended - account.lately_at) / HALF_LIFE))

    # --- the champion as belief rises --------------------------------------------------------------

    def _find_champion(self) -> int:
        for limit in (_FIRST_LOOK, _WIDER):
            for one in self._believer.ranking(limit):
                if one not in self._barred:
                    return one
        return self._baseline

    def _look(self) -> None:
        """See whether belief has risen."""
        champion = self._find_champion()
        belief = self._believer.belief(champion)
        if belief is None:
            return
        if self._level is None:
            self._level = belief.mean
        elif champion != self._champion and belief.mean > self._level:
            rise = self._believer.difference(champion, self._champion)
            self._rises.append(max(0.0, rise.mean) if rise is not None else 0.0)
            self._waits.append(self.ended - self._risen_at)
            self._risen_at, self._level = self.ended, belief.mean
        self._champion = champion
        if (pull := self._pulls.get(champion)) is not None:
            pull.rose = True

    @property
    def champion(self) -> int:
        """The best by belief that has failed no check."""
        return self._champion

    @property
    def rise(self) -> float | None:
        """How much the latest new champions were better than those before. `None`: there was none."""
        return fmean(self._rises) if self._rises else None

    @property
    def plateau(self) -> float:
        """0 while belief rises as fast as it used to; more, up to 3, the longer it has not."""
        if not self._waits:
            return 0.0
        usual = max(1.0, fmean(self._waits))
        late = (self.ended - self._risen_at) / (_LATE * usual)
        return min(max(0.0, late - 1.0), _DEEPEST)

    # --- what is known of an arm -------------------------------------------------------------------

    def running(self, arm: Arm) -> int:
        return sum(self._pulls[one].arm == arm for one in self._running)

    def spending(self, arm: Arm) -> Spending:
        """Of experiments that have ended, each counted by its age."""
        account = self._accounts.get(arm)
        return Spending() if account is None else self._faded(account)

    def gains(self, arm: Arm, half_life: float = HALF_LIFE) -> Sequence[tuple[float, float]]:
        """Weight by age, and believed gain, of the arm's latest experiments that have ended."""
        account = self._accounts.get(arm)
        return [] if account is None else list(self._weighed(account, half_life))

    def _weighed(self, account: Account, half_life: float) -> Iterator[tuple[float, float]]:
        for pull in account.latest:
            assert pull.ended_at is not None
            yield 0.5 ** ((self.ended - pull.ended_at - 1) / half_life), self.credit(pull)

    def credit(self, pull: Pull) -> float:
        """How much better than the champion of its time it is believed to be by now, in score.

        Nothing if it never became champion itself: that most programs which never did are believed to be
        a little better than they are is what a useless arm would live on.
        """
        if not pull.rose or pull.experiment in self._barred:
            return 0.0
        lead = self._believer.difference(pull.experiment, pull.rival)
        return 0.0 if lead is None else max(0.0, lead.mean)

    def known(self) -> Sequence[tuple[Arm, Account]]:
        """All arms that were ever given an experiment in this epoch, in that order."""
        return list(self._accounts.items())

    def gained(self) -> Mapping[Arm, float]:
        """What all experiments of each arm are believed to have gained, in score. Looks at each of them."""
        gained = dict.fromkeys(self._accounts, 0.0)
        for pull in self._pulls.values():
            gained[pull.arm] += self.credit(pull)
        return gained
