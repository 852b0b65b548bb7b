"""Exact Gaussian message passing on a tree, one observation at a time, and a heap of the best nodes.

The model, in units of the noise of one trial (sigma = 1): `v[child] = v[parent] + offset + d`,
`d ~ N(0, ratio)`, `average = v + e`, `e ~ N(0, 1 / weight)`, a flat prior on the root. `search/README.md`
derives the formulas used here. Knows nothing of experiments, facts or hyperparameters.
"""

import heapq
import math
from collections.abc import Sequence

_FORGOTTEN = 1e-14
"""A change weaker than this on its way through the tree is below what a float can show."""
_FAR = 1e-20
"""Walks start where less than this can be felt, so that nodes some way above their end are exact too."""
_WIDE = 64
"""A node with more children than this spreads a rise to all of them by raising everyone's bound."""
_REACH = 64
"""At most so many nodes have their bound raised one by one after an observation. More would cost more than
they save: bounds that are a little too high are looked at only near the top."""
_SMALL_RISE = 1e-3
"""In units of the noise. Rises below it are added to everyone's bound instead."""


class Tree:
    """Nodes are numbered from 0, parents before children; node 0 is the root.

    Means and offsets are in the scores' own unit, less `origin`; variances in units of sigma squared.
    """

    def __init__(self, *, noise: float) -> None:
        """noise: sigma, in the scores' unit; only to know which changes are negligible.

        Zero means that a trial shows the true score: then nothing is passed along.
        """
        self.noise = noise
        self.origin = 0.0
        self.parent: list[int] = []
        self.children: list[list[int]] = []
        self.ratio: list[float] = []
        self.offset: list[float] = []
        self.weight: list[float] = []
        """Precision of a node's own trials together; 0 when it has none."""
        self.average: list[float] = []
        """Their weighted mean."""
        # What the children of a node tell it, and all that is known at and below it: precision, and
        # precision times mean.
        self._told_precision: list[float] = []
        self._told_weighted: list[float] = []
        self._precision: list[float] = []
        self._weighted: list[float] = []
        # What a node tells its parent, and how much of its parent's mean reaches it.
        self._up_precision: list[float] = []
        self._up_weighted: list[float] = []
        self._pull: list[float] = []
        # The last mean and variance seen, and the version at which they were exact.
        self._mean: list[float] = []
        self._variance: list[float] = []
        self._known: list[int] = []
        # The heap: best first. A bound is `key + rise`, and only the entry with the latest stamp counts.
        self._heap: list[tuple[float, int, int]] = []
        self._key: list[float] = []
        self._stamp: list[int] = []
        self._fresh: list[int] = []
        self._rise = 0.0
        self._ranked: list[int] = []
        self._ranked_at = -1
        self.version = 0
        """Grows whenever a mean or a variance may have changed."""
        self._observed = 0

    def __len__(self) -> int:
        return len(self.parent)

    def grow(self, parent: int, *, ratio: float, offset: float) -> int:
        """Add a node without observations and return its number. The root has parent -1."""
        node = len(self.parent)
        self.parent.append(parent)
        self.children.append([])
        if parent >= 0:
            self.children[parent].append(node)
        self.ratio.append(ratio)
        self.offset.append(offset)
        self.weight.append(0.0)
        self.average.append(0.0)
        for column in (
            *(self._told_precision, self._told_weighted, self._precision, self._weighted),
            *(self._up_precision, self._up_weighted),
        ):
            column.append(0.0)
        self._pull.append(1.0)
        self._mean.append(self._mean[parent] if parent >= 0 else 0.0)
        self._variance.append(1.0)
        self._known.append(-1)
        self._key.append(0.0)
        self._stamp.append(0)
        self._fresh.append(-1)
        return node

    def set_ratio(self, node: int, ratio: float) -> None:
        """Change the edge of a node at and below which nothing has been observed."""
        self.ratio[node] = ratio
        self._known[node] = -1

    def observe(
        self, node: int, *, weight: float, average: float, ratio: float | None = None
    ) -> None:
        """A node's own trials now say this together; and its edge, maybe, another variance.

        weight: above 0, once anything of the node was observed.
        """
        first = self._observed == 0
        if first:
            self.origin = average
        parent = self.parent[node]
        before = 0.0 if first else self.posterior(node)[0]
        above = self.posterior(parent)[0] if parent >= 0 and not first else 0.0
        self._observed += not self.weight[node]
        self.weight[node], self.average[node] = weight, average
        if ratio is not None:
            self.ratio[node] = ratio
        if self.noise > 0:
            self._sum_up(node)
            self._tell_ancestors(node)
        self.version += 1
        after = self.posterior(node)[0]
        if self.noise > 0 and not first:
            # Below the node all means move as its own does, and elsewhere as that of its parent.
            self._raise_bounds(node, after - before, without=parent)
            if parent >= 0:
                self._raise_bounds(parent, self.posterior(parent)[0] - above, without=node)
        self._push(node, after)

    def fill(self, weight: Sequence[float], average: Sequence[float], *, origin: float) -> None:
        """Set what has been observed of every node at once; `reset` must follow."""
        self.weight, self.average, self.origin = list(weight), list(average), origin
        self._observed = sum(each > 0 for each in weight)

    # --- beliefs -----------------------------------------------------------------------------------

    def posterior(self, node: int) -> tuple[float, float]:
        """Mean (less `origin`) and variance (over sigma squared) of a node's value."""
        if self.noise == 0:
            return self.average[node] - self.origin, 0.0
        known, version = self._known, self.version
        if known[node] != version:
            parent = self.parent[node]
            if parent >= 0 and known[parent] == version:
                # As below, of one step: whoever asks for many nodes asks for siblings.
                pull, ratio = self._pull[node], self.ratio[node]
                mean = self._mean[parent] + self.offset[node] + ratio * self._weighted[node]
                self._mean[node] = pull * mean
                self._variance[node] = pull * (pull * self._variance[parent] + ratio)
                known[node] = version
            else:
                self._descend(self._path(node))
        return self._mean[node], self._variance[node]

    def without(self, node: int) -> tuple[float, float, float, float]:
        """What is known of a node but from its own trials and edge.

        From above: mean (less `origin`) and variance of its parent's value plus the offset, infinite
        when nothing is known. From below: precision and precision times mean of what its children
        tell. The root knows nothing from above.
        """
        told = self._told_precision[node]
        below = (told, self._told_weighted[node]) if told > 0 else (0.0, 0.0)  # rounding aside
        parent = self.parent[node]
        if parent < 0:
            return 0.0, math.inf, *below
        mean, variance = self.posterior(parent)
        precision = 1.0 / variance - self._up_precision[node]
        if precision <= 1e-12 / variance:
            return mean + self.offset[node], math.inf, *below
        weighted = mean / variance - self._up_weighted[node]
        return weighted / precision + self.offset[node], 1.0 / precision, *below

    def difference_variance(self, node: int, other: int) -> float:
        """Posterior variance of one node's value minus another's, over sigma squared.

        With `m` where the two branches meet and `v[end] = share * v[m] + rest`, the rests are
        independent: `(share - share')^2 var(m) + var(rest) + var(rest')`, a sum of squares.
        """
        if self.noise == 0 or node == other:
            return 0.0
        ends, share, rest = [node, other], [1.0, 1.0], [0.0, 0.0]
        while ends[0] != ends[1]:
            # Parents are older than children, so the younger of two cannot be above the older.
            side = 0 if ends[0] > ends[1] else 1
            end = ends[side]
            rest[side] += share[side] ** 2 * self.ratio[end] * self._pull[end]
            share[side] *= self._pull[end]
            ends[side] = self.parent[end]
            if share[side] < _FORGOTTEN:
                return rest[side] + self.posterior((other, node)[side])[1]
        common = self.posterior(ends[0])[1]
        return (share[0] - share[1]) ** 2 * common + rest[0] + rest[1]

    def branch(self, node: int, ancestor: int) -> tuple[float, float]:
        """`share` and variance of `rest` (over sigma squared) in `v[node] = share v[ancestor] + rest`."""
        if self.noise == 0:
            return 0.0, 0.0
        share, rest = 1.0, 0.0
        while node != ancestor:
            rest += share**2 * self.ratio[node] * self._pull[node]
            share *= self._pull[node]
            node = self.parent[node]
        return share, rest

    def common_ancestor(self, node: int, other: int) -> int:
        """The nearest node that is an ancestor of both, or one of them."""
        while node != other:
            if node > other:
                node = self.parent[node]
            else:
                other = self.parent[other]
        return node

    def _path(self, node: int) -> list[int]:
        """From a node towards the root, up to one that is known or from where nothing is felt."""
        path = [node]
        felt = 1.0
        known, version, parent, pull = self._known, self.version, self.parent, self._pull
        while parent[node] >= 0 and felt > _FAR and known[node] != version:
            felt *= pull[node]
            node = parent[node]
            path.append(node)
        return path

    def _descend(self, path: Sequence[int]) -> None:
        """Set mean and variance along a path given from its low end to its high one."""
        top = path[-1]
        if self.parent[top] < 0 and self._precision[top] > 0:
            self._mean[top] = self._weighted[top] / self._precision[top]
            self._variance[top] = 1.0 / self._precision[top]
            self._known[top] = self.version
        # What is left, further down, of an error at the top.
        error = 0.0 if self._known[top] == self.version else 1.0
        mean, variance = self._mean[top], self._variance[top]
        for node in reversed(path[:-1]):
            pull, ratio = self._pull[node], self.ratio[node]
            mean = pull * (mean + self.offset[node] + ratio * self._weighted[node])
            variance = pull * (pull * variance + ratio)
            self._mean[node], self._variance[node] = mean, variance
            error *= pull
            if error < _FORGOTTEN:
                self._known[node] = self.version

    def _tell_ancestors(self, node: int) -> None:
        """Send new messages towards the root, until one no longer says anything new."""
        while (parent := self.parent[node]) >= 0:
            more_precision, more_weighted = self._message(node)
            self._told_precision[parent] += more_precision
            self._told_weighted[parent] += more_weighted
            self._sum_up(parent)
            scale = abs(self._weighted[parent]) + self._precision[parent] * self.noise
            if (
                abs(more_precision) <= _FORGOTTEN * self._precision[parent]
                and abs(more_weighted) <= _FORGOTTEN * scale
            ):
                return
            node = parent

    def _sum_up(self, node: int) -> None:
        weight = self.weight[node]
        own = weight * (self.average[node] - self.origin) if weight else 0.0
        self._precision[node] = self._told_precision[node] + weight
        self._weighted[node] = self._told_weighted[node] + own

    def _message(self, node: int) -> tuple[float, float]:
        """Renew what a node tells its parent; return by how much that changed."""
        precision = self._precision[node]
        pull = 1.0 / (1.0 + precision * self.ratio[node])
        up_precision = pull * precision
        up_weighted = pull * (self._weighted[node] - precision * self.offset[node])
        change = up_precision - self._up_precision[node], up_weighted - self._up_weighted[node]
        self._pull[node] = pull
        self._up_precision[node], self._up_weighted[node] = up_precision, up_weighted
        return change

    def reset(self, *, noise: float, ratio: Sequence[float]) -> None:
        """Give all edges new variances and pass every message again. Costs as much as there are nodes."""
        self.noise = noise
        self.ratio = list(ratio)
        n = len(self)
        self._told_precision, self._told_weighted = [0.0] * n, [0.0] * n
        self._up_precision, self._up_weighted = [0.0] * n, [0.0] * n
        for node in range(n - 1, -1, -1):
            self._sum_up(node)
            if noise > 0 and node > 0:
                precision, weighted = self._message(node)
                self._told_precision[self.parent[node]] += precision
                self._told_weighted[self.parent[node]] += weighted
        self.version += 1
        self._rebuild_heap()

    # --- the best ones -----------------------------------------------------------------------------

    def best(self, limit: int) -> Sequence[int]:
        """Observed nodes by posterior mean, best first, ties by lower number; at most `limit`."""
        if self._fresh_ranking(limit):
            return self._ranked[:limit]
        found: list[int] = []
        aside: list[tuple[float, int, int]] = []
        while self._heap and len(found) < limit:
            entry = heapq.heappop(self._heap)
            _, node, stamp = entry
            if stamp != self._stamp[node]:
                continue
            if self._fresh[node] == self.version:
                found.append(node)
                aside.append(entry)
            else:
                self._push(node, self.posterior(node)[0])
        for entry in aside:
            heapq.heappush(self._heap, entry)
        self._ranked, self._ranked_at = found, self.version
        return found

    def _fresh_ranking(self, limit: int) -> bool:
        return self._ranked_at == self.version and len(self._ranked) >= limit

    def _raise_bounds(self, node: int, rise: float, *, without: int) -> None:
        """After a node's mean rose, keep the bounds above the means on its side of one of its edges.

        News moves every mean there in the same direction, by a share of what it moves this node that
        shrinks along each edge (README, "How far news travels"). Near nodes are raised one by one;
        what is left of the rise far away is added to everybody's bound. A fall needs nothing.
        without: the neighbour at the other end of that edge.
        """
        if rise <= 0:
            return
        least = _SMALL_RISE * self.noise
        everywhere = 0.0
        reached = 0
        # The largest rises first, so that what is left for everybody is as small as it can be.
        queue = [(-rise, node, without)]
        while queue:
            rise, here, source = heapq.heappop(queue)
            rise = -rise
            if rise < least or reached >= _REACH:
                everywhere = max(everywhere, rise)
                break
            reached += 1
            if self.weight[here]:
                self._enter(here, self._key[here] + rise)
            parent = self.parent[here]
            if parent >= 0 and parent != source:
                precision = self.ratio[here] * self._precision[parent]
                share = min(1.0, 1.0 / (self._pull[here] + precision))
                heapq.heappush(queue, (-rise * share, parent, here))
            if len(self.children[here]) > _WIDE:
                everywhere = max(everywhere, rise)
                continue
            for child in self.children[here]:
                if child != source:
                    heapq.heappush(queue, (-rise * self._pull[child], child, here))
        self._rise += everywhere

    def _push(self, node: int, mean: float) -> None:
        """Enter a node with its exact mean."""
        self._fresh[node] = self.version
        self._enter(node, mean - self._rise)

    def _enter(self, node: int, key: float) -> None:
        self._key[node] = key
        self._stamp[node] += 1
        heapq.heappush(self._heap, (-key, node, self._stamp[node]))
        if len(self._heap) > 64 + 4 * len(self):
            self._heap = [e for e in self._heap if e[2] == self._stamp[e[1]]]
            heapq.heapify(self._heap)

    def _rebuild_heap(self) -> None:
        self._rise = 0.0
        self._heap = []
        for node in range(len(self)):
            if self.noise > 0:
                parent = self.parent[node]
                self._descend((node, parent) if parent >= 0 else (node,))
                mean = self._mean[node]
            else:
                mean = self.average[node] - self.origin
                self._mean[node] = mean
            if self.weight[node]:
                self._stamp[node] += 1
                self._key[node] = mean
                self._fresh[node] = self.version
                self._heap.append((-mean, node, self._stamp[node]))
        heapq.heapify(self._heap)
