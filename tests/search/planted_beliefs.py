"""A study told to a believer trial by trial, with the truth known."""

from collections.abc import Sequence

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, Tried
from move37.core.history import History
from move37.core.records import Belief, Measured, Trial
from move37.search import LineagePosterior, audit


class Planted:
    """Programs with values that we choose, and trials that we word."""

    def __init__(self, metric: str = "score") -> None:
        """metric: its name; it is minimised, so that scores are its negative."""
        self.history = History()
        self.believer = LineagePosterior()
        self.values: list[float] = [0.0]
        task = {"metric": {"name": metric, "goal": "minimize"}}
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task=task, baseline=0, commit="", identity="0", seed=0
            )
        )

    def open(self, parent: int, effect: float, *, move: str = "edit") -> int:
        """A child whose true value is its parent's plus the effect."""
        id = len(self.values)
        self.values.append(self.values[parent] + effect)
        self._tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer="planted", seed=id))
        self._tell(Proposed(experiment=id, commit="", identity=str(id), move=move, hypothesis=""))
        return id

    def show(
        self,
        experiment: int,
        score: float,
        *,
        index: int | None = None,
        reference: float | None = None,
        paired_error: float | None = None,
    ) -> None:
        """One trial that showed this score."""
        if index is None:
            index = self.history[experiment].count("search")
        trial = Trial(
            purpose="search",
            index=index,
            seed=index,
            outcome=Measured(
                score=score, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0
            ),
            paired_with=None if reference is None else 0,
            reference=reference,
            paired_error=paired_error,
        )
        self._tell(Tried(experiment=experiment, trial=trial))

    def belief(self, experiment: int) -> Belief:
        belief = self.believer.belief(experiment)
        assert belief is not None, "it has been measured"
        return belief

    def gain(self, experiment: int, other: int = 0) -> Belief:
        gain = self.believer.difference(experiment, other)
        assert gain is not None, "both have been measured"
        return gain

    def audit(self) -> Sequence[str]:
        return audit(self.history, self.believer)

    def errors(self) -> Sequence[float]:
        """What is believed of each program's gain, less what it is."""
        return [
            self.gain(id).mean - self.values[id]
            for id in range(1, len(self.values))
            if self.believer.belief(id) is not None
        ]

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, 0.0, fact))
        self.believer.add(fact)
