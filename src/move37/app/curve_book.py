"""The finished learning curves of a study, and what they say to a trial that is about to run."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from move37.core.facts import EpochStarted, Fact, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import CurveRule, Measured, Task, TrialJob

REMEMBERED = 60
"""The latest finished trials whose curves are learned from."""

Attachment = Callable[[str], bytes | None]
Curves = Mapping[str, Sequence[tuple[float, float]]]


class CurveBook:
    """A fold over the trials. Their curves are read from the store when they are first needed."""

    def __init__(self, task: Task, believer: Believer) -> None:
        self._task = task
        self._believer = believer
        self._finished: deque[tuple[str, float]] = deque(maxlen=REMEMBERED)
        self._read: dict[str, Curves] = {}

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._finished.clear()
            case Tried(experiment=experiment, trial=trial) if trial.purpose == "search":
                if isinstance(trial.outcome, Measured):
                    key = f"x{experiment}-search-{trial.index}/curves"
                    self._finished.append((key, trial.outcome.score))
            case _:
                pass

    def watched(self, job: TrialJob, history: History, attachment: Attachment) -> TrialJob:
        """The job, with the rule that may end it early where there is one.

        The first full trial of an experiment alone: the baseline, repeats, stages and whatever
        certifies run to their end.
        """
        one = history[job.experiment]
        may_end = self._task.evaluate.early_stop and job.purpose == "search"
        if not may_end or one.is_baseline or one.count("search"):
            return job
        return replace(job, curve=self.rule(attachment))

    def rule(self, attachment: Attachment) -> CurveRule | None:
        """When a trial is hopeless, by what is finished. `None`: too little is known."""
        from move37.referee.curves import learn

        best = self._believer.ranking(1)
        champion = self._believer.belief(best[0]) if best else None
        if champion is None:
            return None
        finished = [(self._curves(key, attachment), score) for key, score in self._finished]
        return learn(finished, self._task.metric.name, champion.mean)

    def _curves(self, key: str, attachment: Attachment) -> Curves:
        from move37.referee.curves import load_curves

        if key not in self._read:
            data = attachment(key)
            self._read = {old: self._read[old] for old, _ in self._finished if old in self._read}
            self._read[key] = {} if data is None else load_curves(data)
        return self._read[key]
