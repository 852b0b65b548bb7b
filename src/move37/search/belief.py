"""The lineage posterior: what to believe of every program, from all trials of its whole family.

A fold over the facts. `v(child) = v(parent) + d`, `d ~ N(0, tau^2)`; a trial is `y = v + e`,
`e ~ N(0, sigma^2)`. Exact on the tree; a merge is exact when opened (see `Epoch.open`). Makes no
claim: that needs fresh evidence, see the referee.
"""

from collections.abc import Iterable, Sequence

from move37.core.errors import StudyError
from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Tried
from move37.core.records import Belief
from move37.search.epoch import Epoch, Model
from move37.search.scale import scale_of


class LineagePosterior:
    """Beliefs of a study, kept up to date fact by fact. Implements `core.protocols.Believer`.

    Each epoch is a tree of its own: programs are not compared across epochs, but the beliefs of an
    older one stay answerable. Engine time per fact does not grow with the number of experiments.
    """

    def __init__(self) -> None:
        self._epochs: list[Epoch] = []

    def add(self, fact: Fact) -> None:
        """Take the next fact. Raises `StudyError` when it names an experiment that cannot be."""
        match fact:
            case EpochStarted(baseline=baseline, task=task):
                self._epochs.append(Epoch(baseline, scale_of(task)))
            case Opened(experiment=experiment, parents=parents):
                self._epoch_of(experiment).open(experiment, parents)
            case Proposed(experiment=experiment, move=move):
                self._epoch_of(experiment).describe(experiment, move)
            case Tried(experiment=experiment, trial=trial) if trial.purpose != "stage":
                self._epoch_of(experiment).observe(experiment, trial)
            case _:
                pass

    @property
    def noise(self) -> float:
        """Standard deviation of one trial's score; 0 when repeats are identical, or nothing is known."""
        return self._size(self._epochs[-1].scales.sigma) if self._epochs else 0.0

    @property
    def tau(self) -> float:
        """Standard deviation of what one edit does to the true score, over all kinds of move."""
        return self._size(self._epochs[-1].scales.tau) if self._epochs else 0.0

    def belief(self, experiment: int) -> Belief | None:
        """Posterior of its true score; `None` when it failed or was never measured."""
        epoch = self._find(experiment)
        return epoch.belief(experiment) if epoch else None

    def difference(self, experiment: int, other: int) -> Belief | None:
        """Posterior of one true score minus another; `None` across epochs, or when one has none."""
        epoch = self._find(experiment)
        if epoch is None or epoch is not self._find(other):
            return None
        return epoch.difference(experiment, other)

    def ranking(self, limit: int) -> Sequence[int]:
        """Measured experiments of the current epoch, best posterior mean first, ties by lower id."""
        return self._epochs[-1].ranking(limit) if self._epochs else []

    def predict(self, experiment: int) -> Belief | None:
        """Posterior of its true score even if it has no trial yet, from its family alone.

        `None` only when it has failed, is unknown, or nothing of its epoch has been measured.
        """
        epoch = self._find(experiment)
        return epoch.predict(experiment) if epoch else None

    def model_of(self, experiment: int) -> "Model":
        """The linear-Gaussian model of its epoch as it stands, for an audit by other means."""
        return self._epoch_of(experiment).model()

    def _size(self, sd: float) -> float:
        return self._epochs[-1].size_of(sd)

    def _find(self, experiment: int) -> "Epoch | None":
        for epoch in reversed(self._epochs):
            if experiment >= epoch.baseline:
                return epoch if experiment - epoch.baseline < len(epoch.tree.parent) else None
        return None

    def _epoch_of(self, experiment: int) -> "Epoch":
        for epoch in reversed(self._epochs):
            if experiment >= epoch.baseline:
                return epoch
        raise StudyError(
            f"the facts do not fit together: experiment x{experiment} comes before any epoch"
        )


def recompute(facts: Iterable[Fact]) -> LineagePosterior:
    """The beliefs that follow from these facts: nothing but the fold."""
    posterior = LineagePosterior()
    for fact in facts:
        posterior.add(fact)
    return posterior
