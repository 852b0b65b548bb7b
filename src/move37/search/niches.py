"""Programs by what they have chosen: which of several things, rather than how much of one.

Two choices may pay only together (a layout, and the kernel that reads it), each alone doing harm. Whoever
builds on the best program alone never makes the second one. So the best programs of each combination of
choices are remembered, and a share of the turns goes to those near the best one's: the cells of MAP-Elites
(J.-B. Mouret, J. Clune, "Illuminating search spaces by mapping elites", arXiv:1504.04909), with choices
as their axes.
"""

from collections import OrderedDict
from collections.abc import Iterable
from random import Random

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Rejected, Tried
from move37.core.protocols import Believer
from move37.core.records import Measured

Niche = frozenset[tuple[str, str]]
"""What a program has chosen otherwise than the baseline: places with their words."""

SHARE = 0.3
"""At most this share of the experiments goes to other combinations of choices."""
PAIRS = 0.6
"""Divided by the number of places that offer a choice, another bound: pairs grow as the square of that number,
and where there are many of them no pair is met by chance."""
_SETTLED = 100
"""After so many experiments half the share is due: first what helps alone is collected."""
NEAR = 2
"""A niche that differs in more choices than these from that of the best program is not drawn."""
_KEPT = 4
"""So many programs of a niche are remembered: the best, as believed when they were measured."""
_MOST = 256
"""So many niches are remembered: those where something was measured last."""
_TRAIT = "chose:"
"""`chose:PLACE:OLD>NEW`, see `policy/traits.py`."""


class Niches:
    """Which programs there are of each combination of choices: a fold over the facts of an epoch."""

    def __init__(self, believer: Believer) -> None:
        self._believer = believer
        self._start()

    def _start(self) -> None:
        self._parents: dict[int, int] = {}
        self._chosen: dict[int, Niche] = {}
        """Of programs that have chosen anything otherwise."""
        self._usual: dict[str, str] = {}
        """The baseline's word at every place where another was chosen."""
        self._members: OrderedDict[Niche, list[int]] = OrderedDict()

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._start()
            case Opened(experiment=experiment, parents=parents):
                self._parents[experiment] = parents[0]
            case Proposed(experiment=experiment, traits=traits):
                niche = self._after(self.of(self._parents.pop(experiment, -1)), traits)
                if niche:
                    self._chosen[experiment] = niche
            case Tried(experiment=experiment, trial=trial) if trial.purpose == "search":
                if isinstance(trial.outcome, Measured):
                    self._enter(experiment)
            case Rejected(experiment=experiment):
                self._parents.pop(experiment, None)
            case _:
                pass

    def of(self, experiment: int) -> Niche:
        """The combination of choices that a program has made."""
        return self._chosen.get(experiment, frozenset())

    def draw(self, best: int, experiments: int, random: Random) -> int | None:
        """Another program to build on than the best: that of a combination of choices near its own.

        `None`: it is not time for that, or there is none. experiments: how many the epoch has.
        """
        if not self._usual or random.random() >= self._share(experiments):
            return None
        here = self.of(best)
        near = [
            niche for niche in self._members if niche != here and _distance(niche, here) <= NEAR
        ]
        return max(self._members[random.choice(near)], key=self._rank) if near else None

    def _share(self, experiments: int) -> float:
        most = min(SHARE, PAIRS / len(self._usual))
        return most * experiments / (experiments + _SETTLED)

    def _after(self, above: Niche, traits: Iterable[str]) -> Niche:
        """What has been chosen after a change with these traits, to a program of this niche."""
        found = [trait.split(":", 2)[1:] for trait in traits if trait.startswith(_TRAIT)]
        if not found:
            return above
        chosen = dict(above)
        for place, words in found:
            old, _, new = words.partition(">")
            if place not in chosen:
                self._usual.setdefault(place, old)
            chosen[place] = new
        return frozenset(one for one in chosen.items() if one[1] != self._usual[one[0]])

    def _enter(self, experiment: int) -> None:
        niche = self.of(experiment)
        members = self._members.setdefault(niche, [])
        self._members.move_to_end(niche)
        if experiment not in members:
            members.append(experiment)
        if len(members) > _KEPT:
            members.remove(min(members, key=self._rank))
        if len(self._members) > _MOST:
            self._members.popitem(last=False)

    def _rank(self, experiment: int) -> tuple[float, int]:
        belief = self._believer.belief(experiment)
        return float("-inf") if belief is None else belief.mean, -experiment


def _distance(one: Niche, other: Niche) -> int:
    """At how many places two niches differ."""
    return len({place for place, _ in one ^ other})
