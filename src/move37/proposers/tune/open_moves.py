"""All moves that are open in a program, with the response model's opinion of each.

Made anew for each proposal. What does not change between two of them is kept by the gauges; what
does is put together here in a few large arrays.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from move37.proposers.source.sites import Edit, Site
from move37.proposers.tune.moves import (
    NOT_TRIED,
    Feature,
    Gauge,
    Move,
    Ruler,
    Step,
    Steps,
    Tried,
    joined,
    linked,
)
from move37.proposers.tune.response import Evidence, Response, prior

if TYPE_CHECKING:
    from move37.proposers.tune.response import Array

DRAWS = 32
MISFIT, FLOOR = 0.5, 0.015
"""A parabola is wrong by about this share of an effect, and of the usual effect at least."""
SURE = 0.8
"""In this share of the samples a move has to gain, to be joined with the best one."""
GRID = 32
"""A wish is for a whole number of such parts of a step: finer ones are spelled the same."""

Key = tuple[tuple[str, str], ...]
"""What a move turns, and to which spellings."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of our experiments changed."""

    experiment: int
    parent: int
    changes: tuple[tuple[str, str, str], ...]
    """Site, old and new spelling."""
    key: Key
    """As that of a `Move`."""


class Effect(NamedTuple):
    """A turn with what came of it."""

    turn: Turn
    gain: float | None
    """On the score. `None`: it failed."""
    variance: float


class OpenMoves:
    """All moves that are open, with the model's opinion of each."""

    def __init__(
        self,
        sites: Sequence[Site],
        effects: Sequence[Effect],
        scale: float,
        seed: int,
        ruler: Ruler,
    ) -> None:
        import numpy as np

        self._gauges: dict[str, tuple[Gauge, int]] = {}
        """Of each site, and its first column in the model."""
        self._width = 0
        for site in sites:
            gauge = ruler.gauge(site)
            self._gauges[site.id] = gauge, self._width
            self._width += gauge.width
        self._tried: dict[str, Tried] = {}
        evidence = self._evidence(effects, scale)
        self._response = response = Response(prior(sites, scale), evidence)
        draws = response.draws(seed, DRAWS)

        self._blocks: list[tuple[Site, Steps]] = []
        """The moves of one site, in order: first those of all blocks, then the linked ones."""
        columns: list[int] = []
        parts: list[float] = []
        for site in sites:
            column = self._gauges[site.id][1]
            for steps in self._steps(site):
                self._blocks.append((site, steps))
                columns += [column + at for at in steps.columns]
                parts += steps.amounts
        self._single = len(columns) // 2
        at = np.array(columns, int).reshape(-1, 2)
        amounts = np.array(parts).reshape(-1, 2)
        gains = amounts[:, :1] * draws[at[:, 0]] + amounts[:, 1:] * draws[at[:, 1]]

        self._linked = list(linked(sites, self._steps_of, ruler))
        if self._linked:
            both = gains, self._design([move.features for move in self._linked]) @ draws
            gains = np.concatenate(both)
        self._gains = gains  # [moves, draws]
        self._moves: dict[int, Move] = {}

    def _evidence(self, effects: Sequence[Effect], scale: float) -> Evidence:
        """What the effects say about these sites; notes between which places each was turned."""
        evidence, gauges, tried = Evidence(), self._gauges, self._tried
        for effect in effects:
            entries: list[tuple[int, float]] = []
            for id, old, new in effect.turn.changes:
                if id in gauges:
                    gauge, column = gauges[id]
                    turn = gauge.turn(old, new)
                    tried[id] = tried.get(id, NOT_TRIED).widened(turn)
                    for at, amount in turn.entries:
                        entries.append((column + at, amount))
            if entries:
                evidence.add(entries, *_bounded(effect, scale))
        return evidence

    def _steps(self, site: Site) -> Iterator[Steps]:
        """What is usually done at a site, and what the model would like."""
        gauge, column = self._gauges[site.id]
        tried = self._tried.get(site.id, NOT_TRIED)
        yield gauge.steps(tried)
        if tried.turned and site.kind == "number":
            wish = _wish(self._response, column)
            if wish is not None and (wished := gauge.wished(tried, wish)) is not None:
                yield wished

    def _steps_of(self, site: Site) -> list[Step]:
        return [step for one, steps in self._blocks if one is site for step in steps.steps]

    def _design(self, moves: Sequence[Mapping[Feature, float]]) -> "Array":
        """The features of moves as rows: `[moves, columns]`."""
        import numpy as np

        rows = np.zeros((len(moves), self._width))
        for row, features in zip(rows, moves, strict=True):
            for (id, aspect), amount in features.items():
                if id in self._gauges:
                    gauge, column = self._gauges[id]
                    row[column + gauge.columns[aspect]] = amount
        return rows

    def _move(self, index: int) -> Move:
        if index >= self._single:
            return self._linked[index - self._single]
        if index not in self._moves:
            site, steps, place = self._find(index)
            text, features = steps.steps[place]
            self._moves[index] = Move((Edit(site, text),), features)
        return self._moves[index]

    def _find(self, index: int) -> tuple[Site, Steps, int]:
        """The block of a move, and its place in it."""
        for site, steps in self._blocks:
            if index < len(steps.steps):
                return site, steps, index
            index -= len(steps.steps)
        raise IndexError(index)

    def _sites(self) -> list[Site]:
        """Of every move, the site that leads it."""
        single = [site for site, steps in self._blocks for _ in steps.steps]
        return single + [move.site for move in self._linked]

    def best(self, draw: int, together: int, done: Set[Key]) -> Move | None:
        """The best move in one sample of what the truth may be, with others that are sure to help."""
        gains = self._gains[:, draw]
        order = (-gains).argsort(kind="stable")
        first = next(
            (move for i in order.tolist() if (move := self._move(i)).key not in done), None
        )
        if first is None:
            return None
        chosen = [first]
        taken = {edit.site.id for edit in first.edits}
        helpful = (gains > 0) & ((self._gains > 0).mean(axis=1) >= SURE)
        for index in order[helpful[order]].tolist():
            if len(taken) >= together:
                break
            move = self._move(index)
            sites = {edit.site.id for edit in move.edits}
            plain = sites <= self._tried.keys() and move.site.kind in ("number", "bool", "choice")
            if plain and not taken & sites:
                chosen.append(move)
                taken |= sites
        return joined(chosen) or first

    def by_chance(self, chance: Random, count: int) -> Move | None:
        """So many moves at once, drawn by the weight of their sites."""
        sites = self._sites()
        if not sites:
            return None
        weights = [max(site.weight, 1e-4) for site in sites]
        drawn = chance.choices(range(len(sites)), weights, k=count)
        return joined([self._move(i) for i in {sites[i].id: i for i in drawn}.values()])

    def predicted(self, move: Move) -> float:
        return float((self._design([move.features]) @ self._response.mean)[0])

    def share(self, move: Move) -> float:
        """How often the first site of this move would be chosen, over samples of the truth."""
        sites = self._sites()
        winners: list[int] = self._gains.argmax(axis=0).tolist()
        wins = sum(sites[i].id == move.site.id for i in winners)
        total = sum({site.id: site.weight for site in sites}.values())
        return (wins + move.site.weight / max(total, 1e-9)) / (DRAWS + 1)


def _bounded(effect: Effect, scale: float) -> tuple[float, float]:
    """An effect and its variance, bounded, so that one crash does not drown everything."""
    if effect.gain is None:
        return -2.0 * scale, scale**2
    gain = min(max(effect.gain, -4.0 * scale), 8.0 * scale)
    misfit = (MISFIT * gain) ** 2 + (FLOOR * scale) ** 2
    return gain, effect.variance + misfit


def _wish(response: Response, column: int) -> float | None:
    """How far from here the model puts the best value of a numeric site."""
    peak = response.peak(column)
    if peak is None or abs(peak) < 0.1:
        return None
    return round(max(-3.0, min(3.0, peak)) * GRID) / GRID
