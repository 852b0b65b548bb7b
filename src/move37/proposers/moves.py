"""Moves: what could be changed next, as lists of edits with the features that a model learns from."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from move37.proposers.sites import Edit, Site
from move37.proposers.spelling import read_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

Feature = tuple[str, str]
"""A site and what about it: its slope, its bend, or one of its spellings."""
Step = tuple[str, Mapping[Feature, float]]
"""A new spelling with its features."""
SLOPE, BEND = "slope", "bend"
NEW_STEPS = (1.0, -1.0)
"""For a site that nobody turned yet: one bold step."""
KNOWN_STEPS = (0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 0.25, -0.25)
TURNS, WAYS = 256, 16
"""So many turns and lists of steps a gauge remembers."""
REACH = 2.0
"""How far beyond the tried values a step may go, so that steps double while they pay."""


@dataclass(frozen=True, slots=True)
class Move:
    """One thing to do: edits that belong together."""

    edits: tuple[Edit, ...]
    features: Mapping[Feature, float]
    """What changes, in the terms of the response model."""

    @property
    def site(self) -> Site:
        return self.edits[0].site

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((edit.site.id, edit.text) for edit in self.edits))


def aspects(site: Site) -> Sequence[str]:
    """What the model knows about a site: the second halves of its features, in order."""
    return (SLOPE, BEND) if site.kind == "number" else site.domain.options


def position(site: Site, text: str) -> float | None:
    """Where a spelling lies on the site's scale, in steps; `None` when it does not."""
    number = read_number(text)
    return None if number is None else site.domain.position(number.value)


class Tried(NamedTuple):
    """Between which positions a site has been turned so far."""

    turns: int = 0
    low: float = 0.0
    high: float = 0.0

    def widened(self, places: Sequence[float]) -> "Tried":
        """After one more turn, between these places."""
        if not places:
            return Tried(self.turns + 1, self.low, self.high)
        if self.turns:
            places = (*places, self.low, self.high)
        return Tried(self.turns + 1, min(places), max(places))


NOT_TRIED = Tried()


@dataclass(frozen=True, slots=True)
class Measure:
    """A turn of a site, as the model sees it."""

    features: Mapping[Feature, float]
    """Empty when the spellings say nothing about the site as it is now."""
    places: tuple[float, ...]
    """Where its spellings lie."""


class Steps(NamedTuple):
    """Steps of one site."""

    steps: tuple[Step, ...]
    design: "Array"
    """As `Gauge.design` gives it."""


class Gauge:
    """Measures one site with one spelling, and remembers what it measured."""

    def __init__(self, site: Site) -> None:
        self.id = site.id
        self.domain = site.domain
        self._site = site
        self._here = position(site, site.text) if site.kind == "number" else None
        self._turns: dict[tuple[str, str], Measure] = {}
        self._aspects = aspects(site)
        self._steps: dict[tuple[bool, float, float], Steps] = {}
        self._known_steps: dict[float, Step | None] = {}

    def turn(self, old: str, new: str) -> Measure:
        """How the model sees `old → new`; bends are measured from the present value."""
        found = self._turns.get((old, new))
        if found is None:
            if len(self._turns) >= TURNS:
                self._turns.clear()
            found = self._turns[old, new] = self._measure(old, new)
        return found

    def _measure(self, old: str, new: str) -> Measure:
        if self._site.kind != "number":
            signs = ((old, -1.0), (new, 1.0))
            known = self.domain.options
            return Measure({(self.id, text): sign for text, sign in signs if text in known}, ())
        before, after = position(self._site, old), position(self._site, new)
        places = tuple(place for place in (before, after) if place is not None)
        if self._here is None or before is None or after is None:
            return Measure({}, places)
        bend = (after - self._here) ** 2 - (before - self._here) ** 2
        return Measure({(self.id, SLOPE): after - before, (self.id, BEND): bend}, places)

    def steps(self, tried: Tried) -> "Steps":
        """What is usually done at the site."""
        key = tried.turns > 0, tried.low, tried.high
        steps = self._steps.get(key)
        if steps is None:
            if len(self._steps) >= WAYS:
                self._steps.clear()
            usual = tuple(self._usual(tried))
            steps = self._steps[key] = Steps(usual, self.design(usual))
        return steps

    def wished(self, tried: Tried, wish: float) -> Step | None:
        """The step to where the model would like the site to be, so many steps from here.

        `None` when it is too far away, cannot be spelled, or is one of the usual steps.
        """
        step = next(self._spelled(tried, (wish,)), None)
        return None if step in self.steps(tried).steps else step

    def design(self, steps: Sequence[Step]) -> "Array":
        """Their features as a matrix: `[steps, aspects]`."""
        import numpy as np

        amounts = [[found.get((self.id, a), 0.0) for a in self._aspects] for _, found in steps]
        return np.array(amounts).reshape(len(steps), len(self._aspects))

    def _usual(self, tried: Tried) -> Iterator[Step]:
        if self._site.kind == "number":
            offsets = KNOWN_STEPS if tried.turns else NEW_STEPS
            yield from self._spelled(tried, offsets)
            return
        for option in self.domain.options:
            if option != self._site.text:
                yield option, self.turn(self._site.text, option).features

    def _spelled(self, tried: Tried, offsets: Sequence[float]) -> Iterator[Step]:
        here = self._here
        if here is None:
            return
        low, high = min(tried.low, here) - REACH, max(tried.high, here) + REACH
        seen = {self._site.text}
        for offset in offsets:
            if not low <= here + offset <= high or (self.domain.scale == "pow2" and offset % 1):
                continue
            step = self._known_step(here, offset)
            if step is not None and step[0] not in seen:
                seen.add(step[0])
                yield step

    def _known_step(self, here: float, offset: float) -> Step | None:
        """As `_step`, remembered: the same few offsets are asked for again and again."""
        if offset not in self._known_steps:
            if len(self._known_steps) >= TURNS:
                self._known_steps.clear()
            self._known_steps[offset] = self._step(here, offset)
        return self._known_steps[offset]

    def _step(self, here: float, offset: float) -> Step | None:
        """The step that goes so far; `None` when there is none."""
        value = self.domain.value(here + offset, digits=1 if abs(offset) >= 0.9 else 2)
        text = self._site.text if value is None else self._site.spell(value)
        found = self.turn(self._site.text, text).features
        return (text, found) if found else None


class Ruler:
    """The gauges of the sites met lately."""

    def __init__(self, *, gauges: int = 256) -> None:
        """gauges: how many are kept."""
        self._limit = gauges
        self._gauges: OrderedDict[tuple[str, str], Gauge] = OrderedDict()

    def gauge(self, site: Site) -> Gauge:
        key = site.id, site.text
        gauge = self._gauges.pop(key, None)
        if gauge is None or (gauge.domain is not site.domain and gauge.domain != site.domain):
            gauge = Gauge(site)
        self._gauges[key] = gauge
        if len(self._gauges) > self._limit:
            self._gauges.popitem(last=False)
        return gauge


def moves_of(site: Site, gauge: Gauge, tried: Tried = NOT_TRIED) -> Iterator[Move]:
    """What can be done at one site: see `Gauge.steps`."""
    for text, found in gauge.steps(tried).steps:
        yield Move((Edit(site, text),), found)


def linked(
    sites: Sequence[Site], steps: Callable[[Site], Sequence[Step]], ruler: Ruler
) -> Iterator[Move]:
    """Equal whole numbers in calls often are one number written twice: turn them together.

    steps: what can be done at a site.
    """
    groups: defaultdict[tuple[str, str], list[Site]] = defaultdict(list)
    for site in sites:
        if site.kind == "number" and isinstance(site.value, int) and site.value > 4:
            groups[site.path, site.text].append(site)
    for group in groups.values():
        if not 2 <= len(group) <= 6:
            continue
        for text, features in dict(steps(group[0])).items():
            merged = dict(features)
            for site in group[1:]:
                merged |= ruler.gauge(site).turn(site.text, text).features
            yield Move(tuple(Edit(site, text) for site in group), merged)


def joined(moves: Sequence[Move]) -> Move | None:
    """Several moves as one; `None` when their edits overlap."""
    edits = [edit for move in moves for edit in move.edits]
    spans = sorted((e.site.path, e.site.start, e.site.end) for e in edits)
    for one, other in pairwise(spans):
        if one[0] == other[0] and one[2] > other[1]:
            return None
    merged: dict[Feature, float] = {}
    for move in moves:
        merged |= move.features
    return Move(tuple(edits), merged)
