"""The lineage posterior: what to believe of every program, from all trials of its whole family.

A fold over the facts. `v(child) = v(parent) + d`, `d ~ N(0, tau^2)`; a trial is `y = v + e`,
`e ~ N(0, sigma^2)`. Exact on the tree; a merge is exact when opened (see `_Epoch.open`). Makes no
claim: that needs fresh evidence, see the referee.
"""

import math
from collections.abc import Iterable, Sequence

from move37.core.errors import StudyError
from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Tried
from move37.core.records import Belief, Measured
from move37.search.fit import Data, Scales, fit
from move37.search.tree import Tree

_EAGER = 24
"""Up to so many trials the scales are fitted after each; later when trials have grown by `_GROWTH`."""
_GROWTH = 1.25


class LineagePosterior:
    """Beliefs of a study, kept up to date fact by fact. Implements `core.protocols.Believer`.

    Each epoch is a tree of its own: programs are not compared across epochs, but the beliefs of an
    older one stay answerable. Engine time per fact does not grow with the number of experiments.
    """

    def __init__(self) -> None:
        self._epochs: list[_Epoch] = []

    def add(self, fact: Fact) -> None:
        """Take the next fact. Raises `StudyError` when it names an experiment that cannot be."""
        match fact:
            case EpochStarted(baseline=baseline):
                self._epochs.append(_Epoch(baseline))
            case Opened(experiment=experiment, parents=parents):
                self._epoch_of(experiment).open(experiment, parents)
            case Proposed(experiment=experiment, move=move):
                self._epoch_of(experiment).describe(experiment, move)
            case Tried(experiment=experiment, trial=trial):
                score = trial.outcome.score if isinstance(trial.outcome, Measured) else None
                self._epoch_of(experiment).observe(experiment, score)
            case _:
                pass

    @property
    def noise(self) -> float:
        """Standard deviation of one trial's score; 0 when repeats are identical, or nothing is known."""
        return self._epochs[-1].scales.sigma if self._epochs else 0.0

    @property
    def tau(self) -> float:
        """Standard deviation of what one edit does to the true score, over all kinds of move."""
        return self._epochs[-1].scales.tau if self._epochs else 0.0

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

    def _find(self, experiment: int) -> "_Epoch | None":
        for epoch in reversed(self._epochs):
            if experiment >= epoch.baseline:
                return epoch if experiment - epoch.baseline < len(epoch.tree) else None
        return None

    def _epoch_of(self, experiment: int) -> "_Epoch":
        for epoch in reversed(self._epochs):
            if experiment >= epoch.baseline:
                return epoch
        raise StudyError(
            f"the facts do not fit together: experiment x{experiment} comes before any epoch"
        )


class Model:
    """Edges and data of one epoch, by node: the experiment's id less that of the baseline."""

    def __init__(self, tree: Tree, scales: Scales, baseline: int) -> None:
        self.baseline = baseline
        self.scales = scales
        self.parent: Sequence[int] = tuple(tree.parent)
        self.ratio: Sequence[float] = tuple(tree.ratio)
        """Variance of the edge to the parent, over sigma squared."""
        self.offset: Sequence[float] = tuple(tree.offset)
        self.count: Sequence[int] = tuple(tree.count)
        self.average: Sequence[float] = tuple(tree.average)
        self.origin = tree.origin


class _Epoch:
    """One tree of programs that can be compared."""

    def __init__(self, baseline: int) -> None:
        self.baseline = baseline
        self.tree = Tree(noise=0.0)
        self.tree.grow(-1, ratio=0.0, offset=0.0)
        self.scales = Scales(0.0, 0.0)
        self._failed: set[int] = set()
        self._kinds: dict[str, int] = {}
        self._kind = [-1]
        self._extra = [0.0]
        self._trials = 0
        self._scatter = 0.0
        self._repeats = 0
        self._next_fit = 1
        self._repeats_fitted = 0
        self._latest = (-1, -1, -1), Belief(0.0, 0.0)
        """The latest difference, as of which version of the tree: a display asks again and again."""

    def open(self, experiment: int, parents: Sequence[int]) -> None:
        """Grow a node.

        A merge hangs below its first parent; what its other branch gained since the two parted
        enters as an offset with a variance of its own, both frozen as they are believed now. So a
        merge's prediction is exact when it is opened, correlation included, and stays so under its
        own trials; later news about the other branch reaches it through those trials only.
        """
        node = self._node(experiment, opening=True)
        first, *others = [self._node(parent) for parent in parents]
        offset, extra = 0.0, 0.0
        for other in others:
            gain, variance = self._gain(first, other)
            offset, extra = offset + gain, extra + variance
        grown = self.tree.grow(first, ratio=self._ratio(-1, extra), offset=offset)
        assert grown == node
        self._kind.append(-1)
        self._extra.append(extra)

    def _gain(self, first: int, other: int) -> tuple[float, float]:
        """What `other` has over the common ancestor: mean, and how much it adds to the variance.

        With `m` that ancestor, `a = A m + rest` and `b = B m + rest'`, the variance of `a + b - m`
        is that of `a` plus `(B - 1)^2 var(m) + var(rest') + 2 A (B - 1) var(m)`; never taken below 0.
        """
        tree = self.tree
        meeting = tree.common_ancestor(first, other)
        mean, variance = tree.posterior(meeting)
        share_a, _ = tree.branch(first, meeting)
        share_b, rest = tree.branch(other, meeting)
        extra = (share_b - 1) * (share_b - 1 + 2 * share_a) * variance + rest
        return tree.posterior(other)[0] - mean, max(0.0, extra) * self.scales.sigma**2

    def describe(self, experiment: int, move: str) -> None:
        """Its kind of move is known: its edge gets that kind's variance."""
        node = self._node(experiment)
        kind = self._kinds.setdefault(move, len(self._kinds))
        self._kind[node] = kind
        if not self.tree.count[node] and not self.tree.children[node]:
            self.tree.set_ratio(node, self._ratio(kind, self._extra[node]))

    def observe(self, experiment: int, score: float | None) -> None:
        """A trial ended. A program whose first trial failed is never measured."""
        node = self._node(experiment)
        if score is None and not self.tree.count[node]:
            self._failed.add(node)
        if score is None or node in self._failed:
            return
        n = self.tree.count[node]
        if n:
            self._scatter += (score - self.tree.average[node]) ** 2 * n / (n + 1)
            self._repeats += 1
        self._trials += 1
        self.tree.observe(node, score)
        if self._fit_is_due():
            self._fit()

    def _fit_is_due(self) -> bool:
        return (
            self._trials >= self._next_fit
            or self._repeats > 2 * self._repeats_fitted
            or (self.scales.sigma == 0 and self._scatter > 0)
        )

    def _fit(self) -> None:
        """Estimate the scales again and pass all messages. Rare enough to cost nothing per trial."""
        tree = self.tree
        averages = zip(tree.average, tree.count, strict=True)
        data = Data(
            parent=tree.parent,
            offset=tree.offset,
            count=tree.count,
            average=[average - tree.origin if n else 0.0 for average, n in averages],
            kind=self._kind,
            extra=self._extra,
            sigma=self.scales.sigma,
            scatter=self._scatter,
            repeats=self._repeats,
        )
        self.scales, ratio = fit(data)
        tree.reset(noise=self.scales.sigma, ratio=ratio)
        grown = self._trials + 1 if self._trials < _EAGER else math.ceil(self._trials * _GROWTH)
        self._next_fit, self._repeats_fitted = grown, self._repeats

    def belief(self, experiment: int) -> Belief | None:
        node = experiment - self.baseline
        return self.predict(experiment) if self.tree.count[node] else None

    def predict(self, experiment: int) -> Belief | None:
        node = experiment - self.baseline
        if node in self._failed or not self._trials:
            return None
        if self.scales.sigma == 0:
            return self._predict_without_noise(node)
        mean, variance = self.tree.posterior(node)
        return Belief(self.tree.origin + mean, self.scales.sigma * math.sqrt(variance))

    def _predict_without_noise(self, node: int) -> Belief | None:
        steps, offset = 0, 0.0
        while not self.tree.count[node]:
            offset, node, steps = offset + self.tree.offset[node], self.tree.parent[node], steps + 1
            if node < 0:
                return None
        return Belief(self.tree.average[node] + offset, self.scales.tau * math.sqrt(steps))

    def difference(self, experiment: int, other: int) -> Belief | None:
        node, rival = experiment - self.baseline, other - self.baseline
        tree = self.tree
        if not tree.count[node] or not tree.count[rival]:
            return None
        if self.scales.sigma == 0:
            return Belief(tree.average[node] - tree.average[rival], 0.0)
        if self._latest[0] == (tree.version, node, rival):
            return self._latest[1]
        mean = tree.posterior(node)[0] - tree.posterior(rival)[0]
        sd = self.scales.sigma * math.sqrt(tree.difference_variance(node, rival))
        self._latest = (tree.version, node, rival), Belief(mean, sd)
        return self._latest[1]

    def ranking(self, limit: int) -> Sequence[int]:
        return [self.baseline + node for node in self.tree.best(limit)]

    def model(self) -> Model:
        return Model(self.tree, self.scales, self.baseline)

    def _ratio(self, kind: int, extra: float) -> float:
        sigma = self.scales.sigma
        return self.scales.ratio(kind) + (extra / sigma**2 if sigma > 0 else 0.0)

    def _node(self, experiment: int, *, opening: bool = False) -> int:
        node = experiment - self.baseline
        size = len(self.tree)
        if (node != size) if opening else not 0 <= node < size:
            what = "opened out of order" if opening else "not of its epoch"
            raise StudyError(f"the facts do not fit together: experiment x{experiment} is {what}")
        return node


def recompute(facts: Iterable[Fact]) -> LineagePosterior:
    """The beliefs that follow from these facts: nothing but the fold."""
    posterior = LineagePosterior()
    for fact in facts:
        posterior.add(fact)
    return posterior
