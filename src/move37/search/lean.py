"""What edits do on average, and what of that is left in each belief.

Belief steers the search as if edits did nothing on average: expecting harm makes it give up lines that
are worth following. But most edits do harm, and to a person a gain is reported as it is believed with
that known. All is linear, so the difference is a separate pass; it is made when the scales are fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SPREAD = 0.15
"""Prior sd of a kind's mean effect, in units of sigma, about 0: only much evidence moves it far."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A tree of programs, its trials and beliefs. Values and variances in units of sigma."""

    parent: Sequence[int]
    ratio: Sequence[float]
    weight: Sequence[float]
    surprise: Sequence[float]
    """Each program's average less what is believed of it; 0 where there is none."""
    kind: Sequence[int]


def mean_effects(shape: Shape) -> tuple[dict[int, float], list[float]]:
    """The mean effect of each kind of move, in units of sigma, never above 0; and what expecting it
    changes in the belief of each program.

    Generalised least squares with a normal prior (empirical Bayes): with `X` how often each kind occurs
    above a program and `V` the covariance of scores, `X' V^-1 y = X' w (y - v)`, where `v` is the belief
    at mean effects of 0, and `X' V^-1 X = X' w c`, where `c` is what an effect of 1 changes in it.
    """
    import numpy as np

    kinds = sorted(set(shape.kind[1:]))
    occurrences = np.asarray([_occurrences(shape, kind) for kind in kinds])  # [K, n]
    changes = np.asarray([_changes(shape, kind) for kind in kinds])  # [K, n]
    weighted = occurrences * np.asarray(shape.weight)
    information = weighted @ changes.T + np.eye(len(kinds)) / _SPREAD**2
    effects = np.linalg.solve(information, weighted @ np.asarray(shape.surprise))
    effects = np.minimum(effects, 0.0)
    return dict(zip(kinds, effects.tolist(), strict=True)), (effects @ changes).tolist()


def _occurrences(shape: Shape, kind: int) -> list[float]:
    count = [0.0] * len(shape.parent)
    for node in range(1, len(count)):
        count[node] = count[shape.parent[node]] + (shape.kind[node] == kind)
    return count


def _changes(shape: Shape, kind: int) -> list[float]:
    """Beliefs if all scores were 0 and each edit of this kind were expected to add 1."""
    n = len(shape.parent)
    precision, weighted, pull = list(shape.weight), [0.0] * n, [1.0] * n
    for node in range(n - 1, 0, -1):
        pull[node] = 1 / (1 + shape.ratio[node] * precision[node])
        parent = shape.parent[node]
        effect = float(shape.kind[node] == kind)
        weighted[parent] += pull[node] * (weighted[node] - precision[node] * effect)
        precision[parent] += pull[node] * precision[node]
    beliefs = [0.0] * n
    beliefs[0] = weighted[0] / precision[0] if precision[0] else 0.0
    for node in range(1, n):
        effect = float(shape.kind[node] == kind)
        above = beliefs[shape.parent[node]] + effect
        beliefs[node] = pull[node] * (above + shape.ratio[node] * weighted[node])
    return beliefs
