"""Moves: what could be changed next, as lists of edits with the features that a model learns from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from move37.proposers.domains import Domain
from move37.proposers.sites import Edit, Site
from move37.proposers.spelling import read_number

Feature = tuple[str, str]
"""A site and what about it: its slope, its bend, or one of its spellings."""
Step = tuple[str, Mapping[Feature, float]]
"""A new spelling with its features."""
SLOPE, BEND = "slope", "bend"
NEW_STEPS = (1.0, -1.0)
"""For a site that nobody turned yet: one bold step."""
KNOWN_STEPS = (0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 0.25, -0.25)
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


def position(site: Site, text: str) -> float | None:
    """Where a spelling lies on the site's scale, in steps; `None` when it does not."""
    number = read_number(text)
    return None if number is None else site.domain.position(number.value)


@dataclass(frozen=True, slots=True)
class Tried:
    """Between which positions a site has been turned so far."""

    count: int = 0
    low: float = 0.0
    high: float = 0.0


class Ruler:
    """Measures spellings and lists moves, and remembers what it measured."""

    def __init__(self, *, entries: int = 16384) -> None:
        """entries: how many answers of each kind are kept."""
        self._entries = entries
        self._positions: dict[tuple[Domain, str], float | None] = {}
        self._features: dict[tuple[str, Domain, str, str, str], Mapping[Feature, float]] = {}
        self._steps: dict[tuple[str, Domain, str, bool, float, float], tuple[Step, ...]] = {}

    def position(self, site: Site, text: str) -> float | None:
        """Where a spelling lies on the site's scale, in steps; `None` when it does not."""
        key = site.domain, text
        if key not in self._positions:
            if len(self._positions) >= self._entries:
                self._positions.clear()
            self._positions[key] = position(site, text)
        return self._positions[key]

    def features(self, site: Site, old: str, new: str) -> Mapping[Feature, float]:
        """How the model sees `old → new` at a site; bends are measured from its present value.

        Empty when the spellings say nothing about the site as it is now.
        """
        key = site.id, site.domain, site.text, old, new
        found = self._features.get(key)
        if found is None:
            if len(self._features) >= self._entries:
                self._features.clear()
            found = self._features[key] = self._measure(site, old, new)
        return found

    def _measure(self, site: Site, old: str, new: str) -> dict[Feature, float]:
        if site.kind == "number":
            here = self.position(site, site.text)
            before, after = self.position(site, old), self.position(site, new)
            if here is None or before is None or after is None:
                return {}
            bend = (after - here) ** 2 - (before - here) ** 2
            return {(site.id, SLOPE): after - before, (site.id, BEND): bend}
        pair = ((old, -1.0), (new, 1.0))
        return {(site.id, text): sign for text, sign in pair if text in site.domain.options}

    def moves(self, site: Site, tried: Tried, wish: float | None = None) -> Iterator[Move]:
        """What can be done at one site.

        wish: the position that the model would like, besides the usual steps.
        """
        if site.kind != "number":
            for option in site.domain.options:
                if option != site.text:
                    found = self.features(site, site.text, option)
                    yield Move((Edit(site, option),), found)
            return
        key = site.id, site.domain, site.text, tried.count > 0, tried.low, tried.high
        steps = self._steps.get(key)
        if steps is None:
            if len(self._steps) >= self._entries:
                self._steps.clear()
            offsets = KNOWN_STEPS if tried.count else NEW_STEPS
            steps = self._steps[key] = tuple(self._spelled(site, tried, offsets))
        here = self.position(site, site.text)
        if wish is not None and here is not None:
            wished = self._spelled(site, tried, (wish - here,))
            steps = (*steps, *(step for step in wished if step not in steps))
        for text, found in steps:
            yield Move((Edit(site, text),), found)

    def _spelled(self, site: Site, tried: Tried, offsets: Sequence[float]) -> Iterator[Step]:
        here = self.position(site, site.text)
        if here is None:
            return
        low, high = min(tried.low, here) - REACH, max(tried.high, here) + REACH
        seen = {site.text}
        for offset in offsets:
            target = here + offset
            if not low <= target <= high or (site.domain.scale == "pow2" and offset % 1):
                continue
            value = site.domain.value(target, digits=1 if abs(offset) >= 0.9 else 2)
            text = site.text if value is None else site.spell(value)
            if text not in seen and (found := self.features(site, site.text, text)):
                seen.add(text)
                yield text, found


def linked(sites: Sequence[Site], moves: Sequence[Move], ruler: Ruler) -> Iterator[Move]:
    """Equal whole numbers in calls often are one number written twice: turn them together."""
    groups: defaultdict[tuple[str, str], list[Site]] = defaultdict(list)
    for site in sites:
        if site.kind == "number" and isinstance(site.value, int) and site.value > 4:
            groups[site.path, site.text].append(site)
    by_site: defaultdict[str, dict[str, Move]] = defaultdict(dict)
    for move in moves:
        by_site[move.site.id][move.edits[0].text] = move
    for group in groups.values():
        if not 2 <= len(group) <= 6:
            continue
        for text, first in by_site[group[0].id].items():
            edits = (*first.edits, *(Edit(site, text) for site in group[1:]))
            merged = dict(first.features)
            for site in group[1:]:
                merged |= ruler.features(site, site.text, text)
            yield Move(edits, merged)


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
