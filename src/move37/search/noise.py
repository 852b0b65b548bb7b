"""How much trials of one program scatter: over all programs, and for a program of its own.

Pure functions of scores. Nothing here knows of families; see `fit.py` for what those say.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

_STRAY_SHARE = 0.03
_STRAY_TIMES = 10.0
"""Among repeats a stray is expected this often, and this far out in units of the usual noise. Generous,
because few repeats cannot tell a stray from a broad noise and the middle way is taken."""
_MOST_STRAYS = 0.2
"""Of all repeats; what is more often is not astray but the noise."""
OWN_NOISE_WEIGHT = 4.0
"""A program's own scatter is believed as much as so many of its repeats: see `own_noise`."""
_LEAST_SCORES = 8
_TIES = 2.0
_LATTICE = 1e-6
_MOST_STEPS = 1e9


def pooled_variance(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Variance of one trial from repeats of programs, robust to a few strays; and its freedom.

    Explanations with 0, 1, 2 ... of the most deviant repeats set apart are averaged in the logarithm of
    the variance, by their likelihood. (0, n) when all repeats are equal, (0, 0) without repeats.
    """
    groups = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    left = [list(group) for group in groups]
    strays: list[float] = []
    log_variances: list[float] = []
    evidences: list[float] = []
    most = max(1, int(_MOST_STRAYS * (freedom + len(groups)))) if freedom >= 3 else 0
    for _ in range(most + 1):
        scatter, inner = _scatter(left)
        if inner < 2 and evidences:
            break
        if scatter <= 0:
            if not evidences:
                return 0.0, freedom
            break
        variance = scatter / inner
        log_variances.append(math.log(variance))
        evidences.append(_evidence(variance, inner, strays))
        strays.append(_take_the_most_deviant(left))
    if not evidences:
        return 0.0, freedom
    best = max(evidences)
    weights = [math.exp(evidence - best) for evidence in evidences]
    mean = math.fsum(w * v for w, v in zip(weights, log_variances, strict=True)) / math.fsum(
        weights
    )
    return math.exp(mean), freedom


def _scatter(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    total, freedom = 0.0, 0
    for group in groups:
        if len(group) > 1 and min(group) < max(group):
            mean = fmean(group)
            total += math.fsum((score - mean) ** 2 for score in group)
        freedom += len(group) - 1
    return total, freedom


def _evidence(variance: float, inner: int, strays: Sequence[float]) -> float:
    """Log likelihood, up to what is common to all explanations."""
    evidence = -0.5 * inner * (math.log(variance) + 1)
    for deviation in strays:
        size = max(_STRAY_TIMES**2, deviation**2 / variance)
        evidence += math.log(_STRAY_SHARE * _STRAY_TIMES) - math.log(size)
        evidence -= 0.5 * (math.log(variance) + deviation**2 / (size * variance))
    return evidence


def _take_the_most_deviant(groups: Sequence[list[float]]) -> float:
    """Remove it from its group; return how far it was from the others of that."""
    far, where, which = -1.0, 0, 0
    for place, group in enumerate(groups):
        if len(group) < 2:
            continue
        mean = fmean(group)
        for item, score in enumerate(group):
            deviation = abs(score - mean) * math.sqrt(len(group) / (len(group) - 1))
            if deviation > far:
                far, where, which = deviation, place, item
    score = groups[where].pop(which)
    return abs(score - fmean(groups[where]))


def own_noise(scores: Sequence[float], variance: float) -> float:
    """A program's own noise variance over the usual one, shrunk to 1.

    Posterior mean of a scaled inverse chi-squared with `OWN_NOISE_WEIGHT` degrees of freedom a priori
    (A. Gelman et al., *Bayesian Data Analysis*, 3rd ed. (2013), section 2.6), nearly.
    """
    if len(scores) < 2 or variance <= 0:
        return 1.0
    scatter, freedom = _scatter([scores])
    return (OWN_NOISE_WEIGHT + scatter / variance) / (OWN_NOISE_WEIGHT + freedom)


def resolution(scores: Sequence[float]) -> float:
    """The step of a coarse score, such as an accuracy over few cases; 0 for a fine one.

    scores: one of each program. Coarse are values that lie on a lattice and of which there are at
    most half as many as there are programs: ties alone may come from edits that do nothing.
    """
    distinct = sorted(set(scores))
    if len(scores) < _LEAST_SCORES or len(distinct) < 2 or len(scores) < _TIES * len(distinct):
        return 0.0
    step = min(b - a for a, b in pairwise(distinct))
    steps = [(score - distinct[0]) / step for score in distinct]
    if steps[-1] > _MOST_STEPS:
        return 0.0
    on_lattice = all(abs(each - round(each)) <= _LATTICE * max(1.0, each) for each in steps)
    return step if on_lattice else 0.0
