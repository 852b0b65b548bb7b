"""Asking Optuna's TPE (Bergstra et al. 2011; multivariate: Falkner et al. 2018) for one move.

The study's latest experiments are projected on the sites in play and told anew each time, so the
answer depends on nothing but its arguments. What changes a site least is cut off: an experiment is
an edit of its parent, not a new program.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from move37.proposers.source.sites import Edit, Site
from move37.proposers.tune.moves import position

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

NEWEST = 60
"""TPE is told about so many experiments at most."""


@dataclass(frozen=True, slots=True)
class Point:
    """One experiment, as TPE sees it."""

    spelled: Mapping[str, str]
    """Of each site in play."""
    score: float


def ask_tpe(
    sites: Sequence[Site], points: Sequence[Point], *, seed: int, limit: int
) -> tuple[Edit, ...]:
    """Edits of at most `limit` sites that TPE would try next; empty when it can say nothing."""
    spaces = {site.id: space for site in sites if (space := _space(site, points)) is not None}
    playing = [site for site in sites if site.id in spaces]
    if not playing or len(points) < 2:
        return ()
    asked = _ask(playing, spaces, points[-NEWEST:], seed)
    return _furthest(playing, asked, limit)


def _space(site: Site, points: Sequence[Point]) -> "tuple[float, float] | tuple[str, ...] | None":
    """The range of positions tried and one step around it, or the choices."""
    if site.kind != "number":
        return site.domain.options or None
    tried = [p for point in points if (p := position(site, point.spelled[site.id])) is not None]
    return (min(tried) - 1.0, max(tried) + 1.0) if tried else None


def _ask(
    sites: Sequence[Site],
    spaces: "Mapping[str, tuple[float, float] | tuple[str, ...]]",
    points: Sequence[Point],
    seed: int,
) -> Mapping[str, float | str]:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions: dict[str, BaseDistribution] = {}
    for site in sites:
        space = spaces[site.id]
        low, high = space[0], space[-1]
        if isinstance(low, float) and isinstance(high, float):
            distributions[site.id] = FloatDistribution(low, high)
        else:
            distributions[site.id] = CategoricalDistribution(space)
    with warnings.catch_warnings():
        # what optuna calls experimental has been the same for years
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for point in points:
        params = {site.id: _param(site, spaces[site.id], point) for site in sites}
        if None not in params.values():
            study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=distributions, value=point.score
                )
            )
    return study.ask(distributions).params


def _param(
    site: Site, space: "tuple[float, float] | tuple[str, ...]", point: Point
) -> float | str | None:
    """An experiment's setting of a site, as TPE takes it; `None` when it lies outside of the space."""
    text = point.spelled[site.id]
    if site.kind != "number":
        return text if text in space else None
    at = position(site, text)
    low, high = space[0], space[-1]
    assert isinstance(low, float)
    assert isinstance(high, float)
    return at if at is not None and low <= at <= high else None


def _furthest(
    sites: Sequence[Site], asked: Mapping[str, float | str], limit: int
) -> tuple[Edit, ...]:
    """The edits that move furthest, by steps times weight."""
    ranked: list[tuple[float, Edit]] = []
    for site in sites:
        wanted = asked[site.id]
        if isinstance(wanted, str):
            if wanted != site.text:
                ranked.append((site.weight, Edit(site, wanted)))
            continue
        here = position(site, site.text)
        if here is None:
            continue
        if site.domain.scale == "pow2":
            wanted = here + round(wanted - here)
        value = site.domain.value(wanted, digits=2)
        if value is None or (text := site.spell(value)) == site.text:
            continue
        ranked.append((abs(wanted - here) * site.weight, Edit(site, text)))
    ranked.sort(key=lambda item: -item[0])
    return tuple(edit for _, edit in ranked[:limit])
