"""Merges: what another branch has gained is made to the champion as well, where that promises enough.

A strategy around another one. Effects are taken to add up, and how far they did is learned from the merges
that were tried: where edits do not go together, few are.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from heapq import heappop, heappush
from statistics import fmean

from move37.core.facts import (
    Checked,
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Steered,
    Tried,
)
from move37.core.history import History
from move37.core.protocols import Believer, Search
from move37.core.records import CONFLICT, Choice, Extend, Measured
from move37.core.stagnation import stagnation
from move37.search.common import Barred, ranked, told_sites
from move37.search.repeats import growth

SHELF = 24
"""So many programs of other branches are kept in mind, those with the largest believed gains."""
WORTH = 2.0
"""A merge has to promise so many times what an experiment has gained so far, on average."""
CREDIBLE = 0.5
"""And so many of its standard deviations, until the study stands still."""
SHARE = 0.2
"""At most so much of the experiments are merges."""
_FREE = 4
"""So many there may be whatever the share."""
_LATELY = 8
"""What the latest so many merges brought, of what was expected, says how far effects add up."""
_ANCESTORS = 256
"""A branch that parted further up is not looked for."""
_STEPS = 64

Pair = tuple[int, int]
"""The champion, and the program whose gain is made to it."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What a merge promises over the champion if effects add up."""

    pair: Pair
    mean: float
    sd: float


class Merges:
    """Implements `core.protocols.Search`.

    What was merged into a program is not merged into what descends from it either, whatever came of it: a
    conflict is still there, and a gain that was not to be had still is not.
    """

    def __init__(
        self,
        believer: Believer,
        search: Search,
        *,
        merger: str,
        resolvers: Sequence[str] = (),
        checks: Sequence[str] = (),
    ) -> None:
        """
        search: chooses all else. Told the facts by this one, and by nobody else.
        merger: the proposer that merges by itself. resolvers: those that can resolve a conflict.
        """
        self._believer = believer
        self._search = search
        self._merger = merger
        self._resolvers = tuple(resolvers)
        self._barred = Barred(frozenset(checks))
        self._start()

    def _start(self) -> None:
        self._parents: dict[int, tuple[int, ...]] = {}
        """Of all programs but the baseline."""
        self._untried: set[int] = set()
        """Opened, without a full trial."""
        self._shelf: dict[int, float] = {}
        """Programs, and how much better than their parents they looked."""
        self._champion = -1
        self._ancestors: set[int] = set()
        self._leads: list[Lead] = []
        """The best first, as of the latest new champion or program on the shelf."""
        self._merges = 0
        self._merged: dict[int, set[int]] = {}
        """What was merged, and into which programs."""
        self._under_way: dict[int, Lead] = {}
        self._brought: deque[float] = deque(maxlen=_LATELY)
        self._edited: dict[int, Sequence[str]] = {}
        """The sites of its own edit, of a program whose proposer tells them."""
        self._lately: Sequence[int] = ()
        """The latest of the champion's ancestors, itself first."""
        self._conflicts: dict[Pair, Lead] = {}
        """Those that nobody has been asked to resolve."""

    # --- taking facts ------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        self._search.add(fact)
        match fact:
            case EpochStarted(baseline=baseline):
                self._start()
                self._barred.start(baseline)
            case Opened(experiment=experiment, parents=parents):
                self._parents[experiment] = parents
                self._untried.add(experiment)
                if len(parents) > 1:
                    self._open((parents[0], parents[1]), experiment)
            case Proposed(experiment=experiment, detail=detail):
                if sites := told_sites(detail):
                    self._edited[experiment] = sites
            case Rejected(experiment=experiment, failed=failed):
                self._untried.discard(experiment)
                lead = self._under_way.pop(experiment, None)
                if lead is not None:
                    self._brought.append(0.0)
                    if failed.reason.startswith(CONFLICT):
                        self._conflicts[lead.pair] = lead
            case Checked() | Steered():
                if (barred := self._barred.add(fact)) is not None:
                    self._shelf.pop(barred, None)
                    self._leads = [each for each in self._leads if each.pair[1] != barred]
                    self._look(changed=False)
            case Tried(experiment=experiment, trial=trial) if trial.purpose != "stage":
                is_first = experiment in self._untried
                self._untried.discard(experiment)
                if isinstance(trial.outcome, Measured):
                    self._look(changed=is_first and self._settle(experiment))
                elif self._under_way.pop(experiment, None) is not None:
                    self._brought.append(0.0)
            case _:
                pass

    def _open(self, pair: Pair, experiment: int) -> None:
        self._merges += 1
        self._merged.setdefault(pair[1], set()).add(pair[0])
        known = (lead for lead in self._leads if lead.pair == pair)
        lead = self._conflicts.pop(pair, None) or next(known, None)
        self._leads = [each for each in self._leads if each.pair != pair]
        if lead is not None:
            self._under_way[experiment] = lead

    def _settle(self, experiment: int) -> bool:
        """A program was measured for the first time. Return whether it was put on the shelf."""
        if (lead := self._under_way.pop(experiment, None)) is not None:
            came = self._believer.difference(experiment, lead.pair[0])
            if came is not None and lead.mean > 0:
                self._brought.append(min(max(came.mean / lead.mean, -1.0), 1.5))
        gain = self._believer.difference(experiment, self._parents[experiment][0])
        if gain is None or gain.mean <= 0 or experiment in self._barred:
            return False
        self._shelf[experiment] = gain.mean
        if len(self._shelf) > SHELF:
            del self._shelf[min(self._shelf, key=lambda one: (self._shelf[one], one))]
        return experiment in self._shelf

    def _look(self, *, changed: bool) -> None:
        """See what could be merged into the champion, when that or the shelf has changed."""
        best = next((one for one in ranked(self._believer) if one not in self._barred), None)
        if best is None or (best == self._champion and not changed):
            return
        if best != self._champion:
            self._champion = best
            ancestors = list(self._upwards(best, _ANCESTORS))
            self._ancestors, self._lately = set(ancestors), ancestors[:_STEPS]
        leads = filter(None, map(self._lead, self._shelf))
        self._leads = sorted(leads, key=lambda lead: (-lead.mean, lead.pair))

    def _upwards(self, experiment: int, most: int) -> Iterator[int]:
        """A program and all it descends from, the latest first."""
        seen, latest = {experiment}, [-experiment]
        for _ in range(most):
            if not latest:
                return
            here = -heappop(latest)
            yield here
            for parent in self._parents.get(here, ()):
                if parent not in seen:
                    seen.add(parent)
                    heappush(latest, -parent)

    def _lead(self, other: int) -> Lead | None:
        """What merging it would bring; `None` where the champion has it, or it was tried before."""
        pair = (self._champion, other)
        if other in self._ancestors or not self._ancestors.isdisjoint(self._merged.get(other, ())):
            return None
        branch: list[int] = []
        meeting = None
        for one in self._upwards(other, _STEPS):
            if one in self._ancestors:
                meeting = one
                break
            branch.append(one)
        if meeting is None or meeting == self._champion:
            # Below the champion there is nothing to merge: it is built on as it is.
            return None
        ours = self._sites(one for one in self._lately if one > meeting)
        if not ours.isdisjoint(self._sites(branch)):
            # A conflict, or the same edit twice.
            return None
        gain = self._believer.difference(other, meeting)
        if gain is None or gain.mean <= 0:
            return None
        self._shelf[other] = gain.mean
        return Lead(pair, gain.mean, gain.sd)

    def _sites(self, programs: Iterable[int]) -> Set[str]:
        """What these edited, as far as it was told."""
        return {site for one in programs for site in self._edited.get(one, ())}

    # --- choosing ----------------------------------------------------------------------------------

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Merge where that promises enough, and else as the other strategy says."""
        if (merge := self._merge(history, busy)) is not None:
            return merge
        return self._search.choose(history, pending=pending, seed=seed, busy=busy)

    def _merge(self, history: History, busy: Set[str]) -> Extend | None:
        if self._merges >= max(_FREE, SHARE * history.spent()):
            return None
        resolver = next((one for one in self._resolvers if one not in busy), None)
        if resolver is not None:
            for pair, lead in self._conflicts.items():
                if pair[1] in self._barred:
                    continue
                if pair[0] == self._champion and self._pays(history, lead):
                    return Extend(parents=pair, proposer=resolver)
        if self._merger in busy:
            return None
        for lead in self._leads[:1]:
            if lead.pair[0] == self._champion and self._pays(history, lead):
                return Extend(parents=lead.pair, proposer=self._merger)
        return None

    def _pays(self, history: History, lead: Lead) -> bool:
        mean = lead.mean * self._additivity
        usual = growth(history, self._believer, self._champion) or 0.0
        if mean <= WORTH * usual:
            return False
        stands_still = stagnation(history, self._believer, len(history)).stage > 0
        return stands_still or mean > CREDIBLE * lead.sd

    @property
    def _additivity(self) -> float:
        """How much of what was expected of merges came; as if two had kept the promise before."""
        return fmean([1.0, 1.0, *self._brought])
