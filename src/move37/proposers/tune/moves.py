"""Moves: what could be changed next, as lists of edits with the features that a model learns from."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from move37.proposers.source.sites import Edit, Site
from move37.proposers.source.spelling import read_number

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
    """Whether a site has been turned so far, and between which positions."""

    turned: bool = False
    low: float = 0.0
    high: float = 0.0

    def widened(self, turn: "Measure") -> "Tried":
        """After one more turn."""
        if not self.turned:
            return Tried(True, turn.low, turn.high) if turn.places else TURNED
        if not turn.places or (self.low <= turn.low and turn.high <= self.high):
            return self  # nearly always, so that no new one is made
        return Tried(True, min(self.low, turn.low), max(self.high, turn.high))


NOT_TRIED, TURNED = Tried(), Tried(True)


class Measure:
    """A turn of a site, as the model sees it."""

    __slots__ = ("_names", "entries", "high", "low", "places")

    def __init__(
        self,
        entries: tuple[tuple[int, float], ...],
        places: tuple[float, ...],
        names: Sequence[Feature],
    ) -> None:
        """names: the site's features, by column."""
        self.entries = entries
        """Columns of the site's own with their amounts: at most two. Empty when the spellings say
        nothing about the site as it is now."""
        self._names = names
        self.places = places
        """Where its spellings lie."""
        self.low, self.high = (min(places), max(places)) if places else (0.0, 0.0)

    @property
    def features(self) -> Mapping[Feature, float]:
        """Made when it is asked for: thousands of measures are kept, and few are asked."""
        return {self._names[column]: amount for column, amount in self.entries}


class Steps(NamedTuple):
    """Steps of one site, with their features as two columns of the site's own and their amounts each."""

    steps: tuple[Step, ...]
    columns: list[int]
    amounts: list[float]


class Gauge:
    """Measures one site with one spelling, and remembers what it measured."""

    def __init__(self, site: Site) -> None:
        self.id = site.id
        self.domain = site.domain
        self._site = site
        self._here = position(site, site.text) if site.kind == "number" else None
        self._turns: dict[tuple[str, str], Measure] = {}
        names = aspects(site)
        self.width = len(names)
        """How many columns the model has for it."""
        self.columns: Mapping[str, int] = {name: column for column, name in enumerate(names)}
        self._features = [(site.id, name) for name in names]
        self._steps: dict[Tried, Steps] = {}
        self._wished: dict[tuple[float, float, float], Steps | None] = {}
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
            spelled = {self.columns[text]: sign for text, sign in signs if text in self.columns}
            return Measure(tuple(spelled.items()), (), self._features)
        before, after = position(self._site, old), position(self._site, new)
        places = tuple(place for place in (before, after) if place is not None)
        if self._here is None or before is None or after is None:
            return Measure((), places, self._features)
        bend = (after - self._here) ** 2 - (before - self._here) ** 2
        way = ((self.columns[SLOPE], after - before), (self.columns[BEND], bend))
        return Measure(way, places, self._features)

    def steps(self, tried: Tried) -> Steps:
        """What is usually done at the site."""
        steps = self._steps.get(tried)
        if steps is None:
            if len(self._steps) >= WAYS:
                self._steps.clear()
            steps = self._steps[tried] = self._made(self._usual(tried))
        return steps

    def wished(self, tried: Tried, wish: float) -> Steps | None:
        """The step to where the model would like the site to be, so many steps from here.

        `None` when it is too far away, cannot be spelled, or is one of the usual steps.
        """
        key = tried.low, tried.high, wish
        if key not in self._wished:
            if len(self._wished) >= WAYS:
                self._wished.clear()
            step = next(self._spelled(tried, (wish,)), None)
            is_new = step is not None and step not in self.steps(tried).steps
            self._wished[key] = self._made(iter((step,))) if step and is_new else None
        return self._wished[key]

    def _made(self, steps: Iterator[Step]) -> Steps:
        made = Steps(tuple(steps), [], [])
        for text, _ in made.steps:
            entries = self.turn(self._site.text, text).entries
            for column, amount in (*entries, *[(0, 0.0)] * (2 - len(entries))):
                made.columns.append(column)
                made.amounts.append(amount)
        return made

    def _usual(self, tried: Tried) -> Iterator[Step]:
        if self._site.kind == "number":
            offsets = KNOWN_STEPS if tried.turned else NEW_STEPS
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
