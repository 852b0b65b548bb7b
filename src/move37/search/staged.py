"""What to believe of programs on the scale of one cheap stage: a lineage posterior of its own."""

from collections.abc import Sequence
from dataclasses import replace

from move37.core.facts import Fact, Tried
from move37.core.records import MOST_STAGES, Belief
from move37.search.belief import LineagePosterior


class StagePosterior:
    """Beliefs on the scores of one stage. Implements `core.protocols.Believer`."""

    def __init__(self, stage: int) -> None:
        self._stage = stage
        self._posterior = LineagePosterior()

    def add(self, fact: Fact) -> None:
        """Trials of the stage count as its search trials; other trials say nothing here."""
        if isinstance(fact, Tried):
            trial = fact.trial
            if trial.purpose != "stage" or trial.index % MOST_STAGES != self._stage:
                return
            trial = replace(trial, purpose="search", index=trial.index // MOST_STAGES)
            fact = replace(fact, trial=trial)
        self._posterior.add(fact)

    @property
    def noise(self) -> float:
        return self._posterior.noise

    def belief(self, experiment: int) -> Belief | None:
        return self._posterior.belief(experiment)

    def difference(self, experiment: int, other: int) -> Belief | None:
        return self._posterior.difference(experiment, other)

    def ranking(self, limit: int) -> Sequence[int]:
        return self._posterior.ranking(limit)
