"""Beliefs checked by other means: for `move37 verify`."""

import math
from collections.abc import Callable, Sequence

from move37.core.history import History
from move37.core.records import Belief
from move37.search.belief import LineagePosterior, Model
from move37.search.dense import Edge, solve
from move37.search.tree import Tree

DENSE_LIMIT = 1500
"""Up to so many programs in an epoch a dense solve is affordable: a few seconds."""
_TOLERANCE = 1e-7
"""Relative to the noise and the size of the scores; message passing and solve agree far better."""
_REPORTED = 5
_RANKED = 20

Posterior = Callable[[int], tuple[float, float]]


def audit(history: History, believer: LineagePosterior) -> list[str]:
    """Compare beliefs with the facts in the history and with a computation of their own kind.

    Trials, parents and averages of every experiment are taken from the history. Means and sds are
    compared with a dense linear solve, or, in an epoch of more than `DENSE_LIMIT` programs, with a
    fresh pass over the whole tree. Returns one sentence for each discrepancy, at most a few of each
    kind; none when all agrees.
    """
    problems: list[str] = []
    starts = [epoch.baseline for epoch in history.epochs]
    for start, end in zip(starts, [*starts[1:], len(history)], strict=True):
        model = believer.model_of(start)
        found = _check_data(history, model, end)
        if not found and any(model.weight):
            found = _check_beliefs(believer, model)
        problems += found[:_REPORTED]
    if history.epochs:
        problems += _check_ranking(believer, starts[-1], len(history))
    return problems


def _check_data(history: History, model: Model, end: int) -> list[str]:
    """Is the tree made of what the history says?"""
    size = end - model.baseline
    if len(model.parent) != size:
        return [f"belief knows {len(model.parent)} experiments where the history has {size}"]
    problems: list[str] = []
    for node in range(size):
        experiment = history[model.baseline + node]
        parent = experiment.parents[0] - model.baseline if experiment.parents else -1
        scores = experiment.scores() if experiment.is_measured else ()
        if parent != model.parent[node]:
            problems.append(f"belief has x{experiment.id} below another parent than the history")
        if len(scores) != len(model.scores[node]):
            problems.append(
                f"belief rests on {len(model.scores[node])} scores of x{experiment.id}, "
                f"the history has {len(scores)}"
            )
        elif scores != tuple(model.scores[node]):
            problems.append(f"belief does not rest on the scores of x{experiment.id}")
    return problems


def _check_beliefs(believer: LineagePosterior, model: Model) -> list[str]:
    recomputed = _recomputed(model)
    unit = max(model.scales.sigma, 1e-6 * abs(model.origin), 1e-300)
    problems: list[str] = []
    for node, weight in enumerate(model.weight):
        belief = believer.belief(model.baseline + node)
        if not weight:
            if belief is not None:
                problems.append(f"x{model.baseline + node} has a belief but no score")
            continue
        mean, sd = recomputed(node)
        expected = model.scale.belief(mean, sd)
        tolerance = _TOLERANCE * max(unit, 1e-4 * abs(mean - model.origin), 1e-2 * sd)
        if belief is None or not _agree(belief, expected, model.scale.belief(mean, tolerance).sd):
            problems.append(
                f"x{model.baseline + node} is believed to be {belief}, recomputed {expected}"
            )
    return problems


def _agree(one: Belief, other: Belief, tolerance: float) -> bool:
    return abs(one.mean - other.mean) <= tolerance and abs(one.sd - other.sd) <= tolerance


def _recomputed(model: Model) -> Posterior:
    """Posterior mean and sd of a node, by a way that shares no state with the believer."""
    sigma = model.scales.sigma
    if sigma == 0:
        return lambda node: (model.average[node], model.doubt[node])
    if len(model.parent) <= DENSE_LIMIT:
        edges = [
            Edge(node, ((model.parent[node], 1.0),), model.offset[node], ratio * sigma**2)
            for node, ratio in enumerate(model.ratio)
            if node > 0
        ]
        return solve(edges, weight=model.weight, average=model.average, sigma=sigma).belief
    return _fresh_pass(model)


def _fresh_pass(model: Model) -> Posterior:
    """All messages from the leaves to the root, and the path down to each node that is asked for."""
    sigma = model.scales.sigma
    tree = Tree(noise=sigma)
    for parent, ratio, offset in zip(model.parent, model.ratio, model.offset, strict=True):
        tree.grow(parent, ratio=ratio, offset=offset)
    tree.fill(model.weight, model.average, origin=model.origin)
    tree.reset(noise=sigma, ratio=model.ratio)

    def posterior(node: int) -> tuple[float, float]:
        mean, variance = tree.posterior(node)
        return model.origin + mean, sigma * math.sqrt(variance)

    return posterior


def _check_ranking(believer: LineagePosterior, start: int, end: int) -> list[str]:
    """The heap's best against those found by looking at every experiment."""
    beliefs = {id: belief for id in range(start, end) if (belief := believer.belief(id))}
    best: Sequence[float] = sorted((b.mean for b in beliefs.values()), reverse=True)[:_RANKED]
    ranking = believer.ranking(_RANKED)
    unit = max(believer.noise, 1e-6 * max(map(abs, best), default=0.0))
    if len(ranking) != len(best) or any(
        id not in beliefs or abs(beliefs[id].mean - mean) > _TOLERANCE * unit
        for id, mean in zip(ranking, best, strict=True)
    ):
        return [f"the ranking begins {list(ranking[:_REPORTED])}, but others are believed better"]
    return []
