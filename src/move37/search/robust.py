"""What one program's own trials say beside its family: luck, a stray trial, or a rare large effect.

Both the effect of an edit and the noise of a trial have two components here: the usual one, and a rare
wide one. Exact inference with mixtures on a tree is exponential, so one program is settled at a time,
exactly, given what its family says as it stands; what follows enters the tree as one Gaussian.
Pure functions, in units of the noise of one trial.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

EDIT_SHARE, EDIT_TIMES = 0.02, 6.0
"""A priori one edit in fifty does something of another size: six times the usual, or whatever it is."""
TRIAL_SHARE, TRIAL_TIMES = 0.01, 10.0
"""One trial in a hundred is astray, by ten times the usual noise or by whatever it is."""
PLAIN = 2.0
"""A trial that is within so many sd of what its family predicts needs no explanation."""
_MOST_ASTRAY = 3
"""So many trials of one program are set apart one by one; what scatters more is a noisy program."""
_LEAST_WEIGHT = 1e-6
_WIDEST, _NARROWEST = 1e6, 1e-6
"""An edge that explains something has a variance between these, in units of the usual one or so."""
_SETTLED = 0.02
_TAIL_WEIGHT = 50.0
"""What is thought of tails before any data counts as so many edits, or trials."""


@dataclass(frozen=True, slots=True)
class Tails:
    """How often edits and trials are no usual ones: downwards, and upwards."""

    edits: tuple[float, float] = (EDIT_SHARE / 2, EDIT_SHARE / 2)
    trials: tuple[float, float] = (TRIAL_SHARE / 2, TRIAL_SHARE / 2)


_USUAL = Tails()


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a program but from its own trials. Values in units of sigma, less any origin."""

    mean: float
    """Of the parent's value plus the offset of the edge."""
    variance: float
    """Of the same; infinite when nothing above says anything."""
    precision: float
    """Of what the program's children say of it; 0 when they say nothing."""
    weighted: float
    """That precision times what they say."""


@dataclass(frozen=True, slots=True)
class Site:
    """One program's trials and edge, as they enter the tree."""

    ratio: float
    weight: float
    average: float
    jump: float = 0.0
    """Probability that its edit is one of the rare large ones."""
    astray: tuple[float, ...] = ()
    """Probability of each trial to be a stray one."""
    step: float = 0.0
    """How far its trials and children say it is from where its family does."""
    steps: tuple[float, ...] = ()
    """How far each trial is."""

    @property
    def in_doubt(self) -> bool:
        """Whether news from its children may still change what is made of it."""
        return any(_SETTLED < p < 1 - _SETTLED for p in (self.jump, *self.astray))


@dataclass(frozen=True, slots=True)
class _Explanation:
    """One way to make sense of a program's trials; and the posterior of its value under it."""

    log_evidence: float
    precision: float
    weighted: float
    jump: bool
    stray: int | None


def settle(
    family: Family, ratio: float, trials: Sequence[tuple[float, float]], tails: Tails = _USUAL
) -> Site:
    """Weigh all explanations with at most one more stray trial, and enter their mean and variance.

    ratio: variance of the usual effect of its edit. trials: score and precision of each.
    The Gaussian that enters has the exact mean of the mixture and, where a Gaussian can, its variance:
    an edge and a weight are two numbers, chosen for two moments (as in expectation propagation,
    T. Minka, UAI 2001, with the site's shape held to an edge and a trial).
    """
    centre = family.mean if math.isfinite(family.variance) else trials[0][0]
    moved = [(score - centre, precision) for score, precision in trials]
    above = Family(
        0.0, family.variance, family.precision, family.weighted - family.precision * centre
    )
    weights, explanations, astray = _weigh_all(above, ratio, moved, tails)
    jump = math.fsum(w for w, e in zip(weights, explanations, strict=True) if e.jump)
    own, total = _own(moved, astray)
    mean = math.fsum(
        w * e.weighted / e.precision for w, e in zip(weights, explanations, strict=True)
    )
    gaps = [explanation.weighted / explanation.precision - mean for explanation in explanations]
    variance = math.fsum(
        w * (1 / e.precision + gap * gap)
        for w, e, gap in zip(weights, explanations, gaps, strict=True)
    )
    edge, weight = _collapse(above, ratio, own, total, mean, variance, jump)
    steps = tuple(score for score, _ in moved)
    return Site(edge, weight, own + centre, jump, tuple(astray), _step(above, moved), steps)


def _weigh_all(
    family: Family, ratio: float, trials: Sequence[tuple[float, float]], tails: Tails
) -> tuple[Sequence[float], Sequence[_Explanation], Sequence[float]]:
    """The explanations, their probabilities, and that of each trial to be astray.

    Strays that are surer than not are set apart one after the other, where there are enough trials.
    """
    set_apart: dict[int, float] = {}
    while True:
        weights, explanations = _weigh(family, ratio, _without(trials, set_apart), tails)
        astray = [set_apart.get(place, 0.0) for place in range(len(trials))]
        for weight, explanation in zip(weights, explanations, strict=True):
            if explanation.stray is not None and explanation.stray not in set_apart:
                astray[explanation.stray] += weight
        new = [place for place in range(len(trials)) if place not in set_apart]
        worst = max(new, key=lambda place: astray[place])
        few = len(trials) < 4 or len(set_apart) + 1 >= _MOST_ASTRAY
        if few or astray[worst] < 0.5:
            return weights, explanations, astray
        set_apart[worst] = astray[worst]


def _without(
    trials: Sequence[tuple[float, float]], set_apart: dict[int, float]
) -> Sequence[tuple[float, float]]:
    return [
        (score, precision * (_LEAST_WEIGHT if place in set_apart else 1.0))
        for place, (score, precision) in enumerate(trials)
    ]


def _weigh(
    family: Family, ratio: float, trials: Sequence[tuple[float, float]], tails: Tails
) -> tuple[Sequence[float], Sequence[_Explanation]]:
    explanations = list(_explanations(family, ratio, trials, tails))
    best = max(each.log_evidence for each in explanations)
    weights = [math.exp(each.log_evidence - best) for each in explanations]
    total = math.fsum(weights)
    return [weight / total for weight in weights], explanations


def _explanations(
    family: Family, ratio: float, trials: Sequence[tuple[float, float]], tails: Tails
) -> Iterator[_Explanation]:
    precision = math.fsum(p for _, p in trials)
    weighted = math.fsum(p * y for y, p in trials)
    squares = math.fsum(p * y * y for y, p in trials)
    step = _step(family, trials)
    edges = [(False, ratio, 0.0)]
    if math.isfinite(family.variance) and ratio > 0:
        usual = math.sqrt(ratio)
        size = max(EDIT_TIMES * usual, abs(step))
        share = math.log(2 * tails.edits[step > 0]) + math.log(EDIT_TIMES * usual / size)
        edges.append((True, size * size, share))
    for jump, width, prior in edges:
        above = 1 / (family.variance + width)
        log_above = 0.5 * math.log(above) if above > 0 else 0.0
        for stray in (None, *range(len(trials))):
            p, h, q, log_stray = precision, weighted, squares, 0.0
            if stray is not None:
                y, usual = trials[stray]
                size = max(TRIAL_TIMES**2, y * y * usual if above > 0 else 0.0)
                less = usual - usual / size
                p, h, q = p - less, h - less * y, q - less * y * y
                log_stray = math.log(2 * tails.trials[y > 0] * TRIAL_TIMES / size)
            whole, sum_ = above + family.precision + p, family.weighted + h
            evidence = prior + log_stray + log_above - 0.5 * math.log(whole)
            evidence -= 0.5 * (q - sum_ * sum_ / whole)
            yield _Explanation(evidence, whole, sum_, jump, stray)


def _step(family: Family, trials: Sequence[tuple[float, float]]) -> float:
    weighted = family.weighted + math.fsum(p * y for y, p in trials)
    return weighted / (family.precision + math.fsum(p for _, p in trials))


def learn_tails(sites: Iterable[Site], edits: int, trials: int) -> Tails:
    """How often, after so many edits and trials. Only what is settled is counted: a lone trial that
    surprises could be either, and would only confirm what was thought before."""
    edit, stray = [0.0, 0.0], [0.0, 0.0]
    for site in sites:
        if not site.in_doubt:
            edit[site.step > 0] += site.jump
            for step, astray in zip(site.steps, site.astray, strict=True):
                stray[step > 0] += astray
    return Tails(_shares(EDIT_SHARE, edit, edits), _shares(TRIAL_SHARE, stray, trials))


def _shares(prior: float, counted: Sequence[float], of: int) -> tuple[float, float]:
    down, up = ((prior / 2 * _TAIL_WEIGHT + count) / (_TAIL_WEIGHT + of) for count in counted)
    return down, up


def _own(trials: Sequence[tuple[float, float]], astray: Sequence[float]) -> tuple[float, float]:
    """Average and weight of the trials, strays weighing little."""
    weights = [
        precision * (1 - stray + stray / TRIAL_TIMES**2)
        for (_, precision), stray in zip(trials, astray, strict=True)
    ]
    total = math.fsum(weights)
    return math.fsum(w * y for w, (y, _) in zip(weights, trials, strict=True)) / total, total


def _collapse(
    family: Family,
    ratio: float,
    own: float,
    total: float,
    mean: float,
    variance: float,
    jump: float,
) -> tuple[float, float]:
    """Edge variance and weight that give the posterior this mean and, if they can, this variance.

    With `a` the precision of what comes from above and `b` that of the trials, about the family's
    prediction: `a + b + l = 1 / variance` and `b own + h = mean / variance`.
    """
    if not math.isfinite(family.variance):
        return ratio, total
    usual = 1 / (family.variance + ratio) if family.variance + ratio > 0 else math.inf
    others = family.weighted / (family.precision + usual)
    if (mean - own) * (own - others) > 0:
        # Strays count in the mean and in the average in different ways, and no edge and weight put the
        # mean beyond the average: it is by so little that the trials as they are say it.
        return (max(ratio, own * own) if jump > 0.5 else ratio), total
    least = _LEAST_WEIGHT * total
    high = 1 / (family.variance + 1e-9) if family.variance > 0 else math.inf
    low = 1 / (family.variance + _WIDEST * max(ratio, 1.0, own * own))
    if abs(own) < 1e-9:
        return ratio, total
    b = (mean / variance - family.weighted) / own
    a = 1 / variance - family.precision - b
    if not (low <= a <= high):
        a = min(max(a, low), high)
        gap = own - mean
        b = (mean * (a + family.precision) - family.weighted) / gap if gap else total
    if not (least <= b <= total):
        b = min(max(b, least), total)
        a = (b * (own - mean) + family.weighted - mean * family.precision) / mean if mean else a
        a = min(max(a, low), high)
    return max(1 / a - family.variance, _NARROWEST * ratio), b
