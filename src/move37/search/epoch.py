"""One epoch's programs as a tree: what is known of each, kept up to date trial by trial.

`tree.py` passes the messages, `fit.py` and `noise.py` estimate the scales, `robust.py` says what a trial
that surprises its family is worth. This module only keeps them in step.
"""

import heapq
import math
from collections.abc import Sequence

from move37.core.errors import StudyError
from move37.core.records import Belief, Measured, Trial
from move37.search.fit import Data, Scales, common_kinds, fit
from move37.search.lean import Shape, mean_effects
from move37.search.noise import resolution
from move37.search.robust import PLAIN, Family, Site, Tails, learn_tails, settle
from move37.search.scale import Scale
from move37.search.tree import Tree
from move37.search.trials import Trials

_EAGER = 24
"""Up to so many trials the scales are fitted after each; later when trials have grown by `_GROWTH`."""
_GROWTH = 1.25
_RARE = -1
"""Kinds of move that are too rare to have scales of their own are one kind."""
_REVISED = 4
"""So many programs above a new trial are looked at again when it may change what is made of them."""
_UNSEEN_NOISE = 50.0
"""Where repeats are identical, one program in so many is expected to have a noise of its own, of the
size of a typical step; fewer, the more programs have been repeated and were identical, too."""


class Model:
    """Edges and data of one epoch, by node: the experiment's id less that of the baseline."""

    def __init__(self, epoch: "Epoch") -> None:
        tree = epoch.tree
        self.baseline = epoch.baseline
        self.scales = epoch.scales
        self.parent: Sequence[int] = tuple(tree.parent)
        self.ratio: Sequence[float] = tuple(tree.ratio)
        """Variance of the edge to the parent, over sigma squared."""
        self.offset: Sequence[float] = tuple(tree.offset)
        self.weight: Sequence[float] = tuple(tree.weight)
        """Precision of a program's own trials, in units of one trial's."""
        self.average: Sequence[float] = tuple(tree.average)
        self.scores: Sequence[Sequence[float]] = epoch.trials.scores()
        """As the trials showed them."""
        self.effect: Sequence[float] = tuple(epoch.effect(node) for node in range(len(tree)))
        """Mean effect that an edit of its kind is expected to have, where a difference is reported."""
        self.lean: Sequence[float] = epoch.lean()
        """What expecting those changes in each belief."""
        self.doubt: Sequence[float] = tuple(epoch.doubt(node) for node in range(len(tree)))
        """Where trials show the truth: sd of what one that was not repeated might still hide."""
        self.origin = tree.origin
        self.scale = epoch.trials.scale


class Epoch:
    """One tree of programs that can be compared."""

    def __init__(self, baseline: int, scale: Scale) -> None:
        self.baseline = baseline
        self.tree = Tree(noise=0.0)
        self.tree.grow(-1, ratio=0.0, offset=0.0)
        self.scales = Scales(0.0, 0.0)
        self.trials = Trials(scale)
        self.trials.grow()
        self._failed: set[int] = set()
        self._kinds: dict[str, int] = {}
        self._kind = [-1]
        self._extra = [0.0]
        self._usual = [0.0]
        """Variance ratio of each edge if its edit is an ordinary one of its kind."""
        self._merged_in: dict[int, tuple[int, ...]] = {}
        """The other parents of merges."""
        self._effects: dict[int, float] = {}
        """Mean effect of each kind of move, as is known since the scales were fitted."""
        self._lean = [0.0]
        """What expecting those changes in each belief."""
        self._tails = Tails()
        self._sites: dict[int, Site] = {}
        """Of programs whose trials or edit are not ordinary, as far as that is known."""
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
        self._usual.append(self._ratio(-1, extra))
        grown = self.tree.grow(first, ratio=self._usual[-1], offset=offset)
        assert grown == node
        self.trials.grow()
        self._kind.append(-1)
        self._lean.append(self._lean[first])
        self._extra.append(extra)
        if others:
            self._merged_in[node] = tuple(others)

    def _gain(self, first: int, other: int) -> tuple[float, float]:
        """What `other` has over the common ancestor: mean, and how much it adds to the variance.

        With `m` that ancestor, `a = A m + rest` and `b = B m + rest'`, the variance of `a + b - m`
        is that of `a` plus `(B - 1)^2 var(m) + var(rest') + 2 A (B - 1) var(m)`; never taken below 0.
        """
        tree = self.tree
        meeting = tree.common_ancestor(first, other)
        latest = self._meeting(first, other, meeting)
        if latest != meeting:
            # It was merged in before: what is new is what came since, as far as that is known by itself.
            gain = tree.posterior(other)[0] - tree.posterior(latest)[0]
            return gain, tree.difference_variance(other, latest) * self.scales.sigma**2
        mean, variance = tree.posterior(meeting)
        share_a, _ = tree.branch(first, meeting)
        share_b, rest = tree.branch(other, meeting)
        extra = (share_b - 1) * (share_b - 1 + 2 * share_a) * variance + rest
        return tree.posterior(other)[0] - mean, max(0.0, extra) * self.scales.sigma**2

    def _meeting(self, first: int, other: int, otherwise: int) -> int:
        """The latest program that both have in them, merges counted. otherwise: first parents only."""
        if not self._merged_in:
            return otherwise
        sides = {first: 1}
        sides[other] = sides.get(other, 0) | 2
        latest = [-node for node in sides]
        heapq.heapify(latest)
        while (node := -heapq.heappop(latest)) > otherwise:
            if sides[node] == 3:
                return node
            for parent in (self.tree.parent[node], *self._merged_in.get(node, ())):
                if parent not in sides:
                    heapq.heappush(latest, -parent)
                sides[parent] = sides.get(parent, 0) | sides[node]
        return otherwise

    def describe(self, experiment: int, move: str) -> None:
        """Its kind of move is known: its edge gets that kind's variance."""
        node = self._node(experiment)
        kind = self._kinds.setdefault(move, len(self._kinds))
        self._kind[node] = kind
        if not self.tree.weight[node] and not self.tree.children[node]:
            self._usual[node] = self._ratio(kind, self._extra[node])
            self.tree.set_ratio(node, self._usual[node])

    def observe(self, experiment: int, trial: Trial) -> None:
        """A trial ended. A program whose first trial failed is never measured."""
        node = self._node(experiment)
        if not isinstance(trial.outcome, Measured):
            if not self.trials.count(node):
                self._failed.add(node)
            return
        if node in self._failed:
            return
        scale = self.trials.scale
        self.trials.add(node, trial, trial.outcome.score)
        if self.trials.scale != scale:
            self._leave(scale)
        elif self.scales.sigma == 0:
            self._show(node)
        else:
            self._learn(node)
        if self._fit_is_due():
            self._fit()

    def _fit_is_due(self) -> bool:
        trials = self.trials
        return (
            trials.total >= self._next_fit
            or trials.repeats > 2 * self._repeats_fitted
            or (self.scales.sigma == 0 and trials.differ)
            or trials.stale
        )

    def _leave(self, scale: Scale) -> None:
        """A score has no place on this scale: carry what was frozen over to the scores' own."""
        size = abs(scale.outward(self.tree.origin))
        kinds = tuple((kind, tau * size) for kind, tau in self.scales.kinds)
        self.scales = Scales(self.scales.sigma * size, self.scales.tau * size, kinds)
        self._extra = [extra * size**2 for extra in self._extra]
        self.tree.offset = [offset * size for offset in self.tree.offset]
        self.tree.origin = scale.outward(self.tree.origin)

    # --- one program and its trials ------------------------------------------------------------------

    def _show(self, node: int) -> None:
        """Without noise a trial shows the truth."""
        self.tree.observe(node, weight=self.trials.count(node), average=self.trials.mean(node))

    def _learn(self, node: int) -> None:
        """Enter a program's trials, and look again at those above it whose trials they may explain."""
        self._settle(node)
        above, steps = self.tree.parent[node], 0
        while above >= 0 and steps < _REVISED:
            if above in self._sites or (steps == 0 and self._is_surprising(above)):
                self._settle(above)
            above, steps = self.tree.parent[above], steps + 1

    def _settle(self, node: int) -> None:
        """Decide what a program's trials say, as its family stands."""
        tree, sigma = self.tree, self.scales.sigma
        trials = self.trials.weighed(node, sigma, self.tree.origin)
        if not trials:
            return
        usual = self._usual[node]
        family = self._family(node)
        if _is_plain(family, usual, trials):
            self._sites.pop(node, None)
            weight = math.fsum(precision for _, precision in trials)
            average = math.fsum(precision * y for y, precision in trials) / weight
            site = Site(usual, weight, average)
        else:
            site = settle(family, usual, trials, self._tails)
            self._sites[node] = site
        average = tree.origin + sigma * site.average
        tree.observe(node, weight=site.weight, average=average, ratio=site.ratio)
        if node and not tree.children[node]:
            expected = self._lean[tree.parent[node]] + self.effect(node)
            self._lean[node] = expected / (1 + site.ratio * site.weight)

    def effect(self, node: int) -> float:
        """Mean effect of its kind of edit; of a rare kind, that of all rare ones."""
        if node == 0:
            return 0.0
        kind = self._kind[node]
        return self._effects.get(kind, self._effects.get(_RARE, 0.0))

    def _family(self, node: int) -> Family:
        sigma = self.scales.sigma
        mean, variance, precision, weighted = self.tree.without(node)
        return Family(mean / sigma, variance, precision, weighted / sigma)

    def _is_surprising(self, node: int) -> bool:
        trials = self.trials.weighed(node, self.scales.sigma, self.tree.origin)
        return bool(trials) and not _is_plain(self._family(node), self._usual[node], trials)

    # --- all programs, now and then ------------------------------------------------------------------

    def _fit(self) -> None:
        """Estimate the scales again and pass all messages. Rare enough to cost nothing per trial."""
        tree, trials = self.tree, self.trials
        self._tails = learn_tails(self._sites.values(), len(tree) - 1, trials.total)
        variance, freedom = trials.review()
        weight, average = self._entered()
        data = Data(
            parent=tree.parent,
            offset=tree.offset,
            count=weight,
            average=average,
            kind=self._kind,
            extra=self._extra,
            sigma=self.scales.sigma,
            scatter=variance * freedom,
            repeats=freedom,
            step=resolution([a for a, w in zip(average, weight, strict=True) if w]),
        )
        self.scales, self._usual = fit(data)
        self._enter_all()
        grown = trials.total + 1 if trials.total < _EAGER else math.ceil(trials.total * _GROWTH)
        self._next_fit, self._repeats_fitted = grown, trials.repeats
        self._expect_effects()

    def _expect_effects(self) -> None:
        """Learn what edits do on average. Reported gains know of it, the search does not."""
        tree, sigma = self.tree, self.scales.sigma
        self._effects, self._lean = {}, [0.0] * len(tree)
        if sigma == 0 or len(tree) < 2:
            return
        common = set(common_kinds(self._kind, tree.weight))
        surprise = [
            (tree.average[node] - tree.origin - tree.posterior(node)[0]) / sigma if weight else 0.0
            for node, weight in enumerate(tree.weight)
        ]
        kind = [each if each in common else _RARE for each in self._kind]
        shape = Shape(tree.parent, tree.ratio, tree.weight, surprise, kind)
        effects, lean = mean_effects(shape)
        self._effects = {kind: effect * sigma for kind, effect in effects.items()}
        self._lean = [each * sigma for each in lean]

    def _entered(self) -> tuple[list[float], list[float]]:
        """Weights and averages of all programs, less the origin, for an estimate of the scales.

        What is sure to be astray is left out; doubt is not passed on, or it would feed on itself.
        """
        weights, averages = [0.0] * len(self.tree), [0.0] * len(self.tree)
        for node in range(len(self.tree)):
            if self.trials.count(node):
                weights[node], averages[node] = self._plainly(node)
        return weights, averages

    def _plainly(self, node: int) -> tuple[float, float]:
        """A program's weight and average, less the origin, without those trials that are astray."""
        tree, sigma = self.tree, self.scales.sigma
        if sigma == 0:
            return float(self.trials.count(node)), self.trials.mean(node) - tree.origin
        trials = self.trials.weighed(node, sigma, tree.origin)
        site = self._sites.get(node)
        if site is not None and len(trials) > 1:
            kept = [t for t, astray in zip(trials, site.astray, strict=True) if astray < 0.5]
            trials = kept or trials
        weight = math.fsum(precision for _, precision in trials)
        return weight, sigma * math.fsum(precision * y for y, precision in trials) / weight

    def _enter_all(self) -> None:
        """Enter all trials as ordinary ones, pass all messages, then settle what is surprising."""
        tree, sigma = self.tree, self.scales.sigma
        self._sites = {}
        for node in range(len(tree)):
            if self.trials.count(node):
                weight, average = self._plainly(node)
                tree.weight[node], tree.average[node] = weight, tree.origin + average
        tree.reset(noise=sigma, ratio=self._usual)
        if sigma > 0:
            for node in [node for node in range(len(tree)) if self._is_surprising(node)]:
                self._settle(node)
            for node in [node for node, site in self._sites.items() if site.in_doubt]:
                self._settle(node)

    def belief(self, experiment: int) -> Belief | None:
        node = experiment - self.baseline
        return self.predict(experiment) if self.tree.weight[node] else None

    def predict(self, experiment: int) -> Belief | None:
        node = experiment - self.baseline
        if node in self._failed or not self.trials.total:
            return None
        if self.scales.sigma == 0:
            return self._predict_without_noise(node)
        mean, variance = self.tree.posterior(node)
        sd = self.scales.sigma * math.sqrt(variance)
        return self.trials.scale.belief(self.tree.origin + mean, sd)

    def _predict_without_noise(self, node: int) -> Belief | None:
        steps, offset = 0, 0.0
        while not self.tree.weight[node]:
            offset, node, steps = offset + self.tree.offset[node], self.tree.parent[node], steps + 1
            if node < 0:
                return None
        sd = math.hypot(self.doubt(node), self.scales.tau * math.sqrt(steps))
        return self.trials.scale.belief(self.tree.average[node] + offset, sd)

    def doubt(self, node: int) -> float:
        """Where trials show the truth: sd of what one that was not repeated might still hide.

        That the baseline repeats exactly does not prove that every edit of it does.
        """
        if self.scales.sigma > 0 or node == 0 or self.trials.count(node) != 1:
            return 0.0
        return self.scales.tau / math.sqrt(_UNSEEN_NOISE + self.trials.repeated)

    def difference(self, experiment: int, other: int) -> Belief | None:
        node, rival = experiment - self.baseline, other - self.baseline
        tree = self.tree
        if not tree.weight[node] or not tree.weight[rival]:
            return None
        if self.scales.sigma == 0:
            return self._difference_without_noise(node, rival)
        if self._latest[0] == (tree.version, node, rival):
            return self._latest[1]
        sigma = self.scales.sigma
        ends = [self._end(node), self._end(rival)]
        sd = sigma * math.sqrt(tree.difference_variance(node, rival))
        belief = self.trials.scale.difference(ends[0], ends[1], sd)
        self._latest = (tree.version, node, rival), belief
        return belief

    def _end(self, node: int) -> tuple[float, float]:
        mean, variance = self.tree.posterior(node)
        mean += self.tree.origin + self._lean[node]
        return mean, self.scales.sigma * math.sqrt(variance)

    def _difference_without_noise(self, node: int, rival: int) -> Belief:
        ends = [(self.tree.average[end], self.doubt(end)) for end in (node, rival)]
        doubt = 0.0 if node == rival else math.hypot(ends[0][1], ends[1][1])
        return self.trials.scale.difference(ends[0], ends[1], doubt)

    def size_of(self, sd: float) -> float:
        """An sd on belief's scale, on that of the score, at the baseline."""
        return self.trials.scale.belief(self.tree.average[0], sd).sd

    def lean(self) -> Sequence[float]:
        return tuple(self._lean)

    def ranking(self, limit: int) -> Sequence[int]:
        return [self.baseline + node for node in self.tree.best(limit)]

    def model(self) -> Model:
        return Model(self)

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


def _is_plain(family: Family, usual: float, trials: Sequence[tuple[float, float]]) -> bool:
    """Whether nothing about these trials calls for an explanation."""
    weight = math.fsum(precision for _, precision in trials)
    average = math.fsum(precision * y for y, precision in trials) / weight
    if len(trials) > 1 and any(
        abs(y - average) * math.sqrt(precision) > PLAIN for y, precision in trials
    ):
        return False
    above = 1 / (family.variance + usual)
    precision = above + family.precision
    if precision <= 0:  # nothing is known, and differences of nothing round to either side of 0
        return True
    mean = (
        (above * family.mean + family.weighted) / precision
        if above
        else (family.weighted / precision)
    )
    if abs(average - mean) > PLAIN * math.sqrt(1 / precision + 1 / weight):
        return False
    if above > 0 and family.precision > 0:
        told = family.weighted / family.precision
        return abs(told - family.mean) <= PLAIN * math.sqrt(1 / above + 1 / family.precision)
    return True
