"""Moves: what could be changed next, as lists of edits with the features that a model learns from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from move37.proposers.sites import Edit, Site
from move37.proposers.spelling import read_number

Feature = tuple[str, str]
"""A site and what about it: its slope, its bend, or one of its spellings."""
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


def features(site: Site, old: str, new: str) -> dict[Feature, float]:
    """How the model sees `old → new` at a site. Bends are measured from the site's present value.

    Empty when the spellings say nothing about the site as it is now.
    """
    if site.kind == "number":
        here = position(site, site.text)
        before, after = position(site, old), position(site, new)
        if here is None or before is None or after is None:
            return {}
        bend = (after - here) ** 2 - (before - here) ** 2
        return {(site.id, SLOPE): after - before, (site.id, BEND): bend}
    found: dict[Feature, float] = {}
    for text, sign in ((old, -1.0), (new, 1.0)):
        if text in site.domain.options:
            found[site.id, text] = sign
    return found


@dataclass(frozen=True, slots=True)
class Tried:
    """Between which positions a site has been turned so far."""

    count: int = 0
    low: float = 0.0
    high: float = 0.0


def moves_of(site: Site, tried: Tried, wishes: Sequence[float]) -> Iterator[Move]:
    """What can be done at one site.

    wishes: positions that the model would like, besides the usual steps.
    """
    if site.kind != "number":
        for option in site.domain.options:
            if option != site.text:
                yield Move((Edit(site, option),), features(site, site.text, option))
        return
    here = position(site, site.text)
    if here is None:
        return
    steps = KNOWN_STEPS if tried.count else NEW_STEPS
    offsets = [*steps, *(wish - here for wish in wishes)]
    low, high = min(tried.low, here) - REACH, max(tried.high, here) + REACH
    seen = {site.text}
    for offset in offsets:
        target = here + offset
        if not low <= target <= high or (site.domain.scale == "pow2" and offset % 1):
            continue
        value = site.domain.value(target, digits=1 if abs(offset) >= 0.9 else 2)
        text = site.text if value is None else site.spell(value)
        if text not in seen and (found := features(site, site.text, text)):
            seen.add(text)
            yield Move((Edit(site, text),), found)


def linked(sites: Sequence[Site], moves: Sequence[Move]) -> Iterator[Move]:
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
                merged |= features(site, site.text, text)
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
