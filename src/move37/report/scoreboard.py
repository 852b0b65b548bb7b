"""The standing of a study while it is worked on: counted as facts come, never counted again."""

from move37.core.events import Standing
from move37.core.facts import EpochStarted, Fact, Opened, Rejected, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import MERGE, Failed, Measured
from move37.report.staircase import staircase


class Scoreboard:
    """A `Fold` whose `standing` is cheap enough to be asked for after every fact."""

    def __init__(self) -> None:
        self._opened = self._measured = self._failed = self._trials = 0
        self._baseline = 0
        self._merging: set[int] = set()
        self._kept: set[int] | None = None

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._opened = self._measured = self._failed = self._trials = 0
                self._baseline, self._kept = fact.baseline, None
            case Opened():
                self._opened += 1
                if fact.proposer == MERGE:
                    self._merging.add(fact.experiment)
            case Rejected():
                # Two programs that do not merge have cost nothing, and do not count.
                self._failed += fact.experiment not in self._merging
            case Tried(trial=trial):
                self._trials += 1
                counts = fact.experiment > self._baseline and trial.index == 0
                if counts and trial.purpose == "search":
                    good = isinstance(trial.outcome, Measured)
                    self._measured += good
                    self._failed += isinstance(trial.outcome, Failed)
                elif counts and trial.purpose == "stage":
                    self._failed += isinstance(trial.outcome, Failed)
            case _:
                pass

    def standing(self, history: History, beliefs: Believer, champion: int | None) -> Standing:
        """`kept` starts as the steps of the staircase and then has every new champion added."""
        if self._kept is None:
            self._kept = {id for id, _ in staircase(history, beliefs, champion)}
        if champion is not None:
            self._kept.add(champion)
        known = champion is not None
        paused = history.steering.paused
        return Standing(
            opened=self._opened,
            measured=self._measured,
            failed=self._failed,
            kept=len(self._kept - {self._baseline}),
            champion=champion,
            best=beliefs.belief(champion) if known else None,
            baseline=beliefs.belief(self._baseline),
            effect=beliefs.difference(champion, self._baseline) if known else None,
            noise=beliefs.noise if self._trials else None,
            seconds_worked=history.seconds_worked,
            usd=history.usd,
            paused_by=None if paused is None else paused.steered.author,
        )
