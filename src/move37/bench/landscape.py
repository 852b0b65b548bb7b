"""Planted studies whose programs have a shape: sites that are turned or not, alone or together.

A program is the set of its turned sites, so that edits can be taken back, repeated and merged. Real facts go
to the real history, belief and search; edits, merges and runs are drawn, not made.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from move37.core.facts import (
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Row,
    SessionStarted,
    Tried,
)
from move37.core.history import History
from move37.core.protocols import Believer, Search
from move37.core.records import MERGE, Budget, Extend, Failed, Measured, Repeat, Trial
from move37.core.seeds import derive_seed
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, make_search

PROPOSER = "planted"
_ATTEMPTS = 32
"""So often the proposer draws again where the study already has the program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Land:
    """What sites do. Effects of good and of harmful ones are exponential with mean 1."""

    good: int
    harmful: int
    inert: int
    traps: int = 0
    """Pairs of sites, each of which alone does harm, and which together are worth `prize`."""
    prize: float = 4.0
    depth: float = 1.0
    """What one site of a trap costs alone."""
    kinds: int | None = None
    """Good sites are ways to so many ends: of those to the same end only the best counts. `None`: each adds."""
    noise: float = 0.0
    """Standard deviation of one run."""

    @property
    def sites(self) -> int:
        return self.good + self.harmful + self.inert + 2 * self.traps


class Landscape:
    """One study's luck: what each site does, and where the traps are."""

    def __init__(self, land: Land, seed: int) -> None:
        self.land = land
        draw = Random(derive_seed(seed, "land"))
        effects = [
            *(draw.expovariate(1.0) for _ in range(land.good)),
            *(-draw.expovariate(1.0) for _ in range(land.harmful)),
            *(0.0 for _ in range(land.inert)),
            *(-land.depth for _ in range(2 * land.traps)),
        ]
        places = list(range(land.sites))
        draw.shuffle(places)
        self._effect = dict(zip(places, effects, strict=True))
        trapped = places[land.sites - 2 * land.traps :]
        kinds = land.kinds or land.good
        self._kind = {place: order % kinds for order, place in enumerate(places[: land.good])}
        self.traps: Sequence[frozenset[int]] = [
            frozenset(trapped[2 * trap : 2 * trap + 2]) for trap in range(land.traps)
        ]
        self._edits = Random(derive_seed(seed, "edits"))
        self._noise = Random(derive_seed(seed, "noise"))

    def value(self, program: frozenset[int]) -> float:
        """The true score."""
        prize = self.land.prize + 2 * self.land.depth
        won = sum(trap <= program for trap in self.traps)
        others = sum(self._effect[site] for site in program if site not in self._kind)
        return self._ends(program) + others + prize * won

    def _ends(self, program: Iterable[int]) -> float:
        """What the good sites are worth."""
        best: dict[int, float] = {}
        for site in program:
            if (kind := self._kind.get(site)) is not None:
                best[kind] = max(best.get(kind, 0.0), self._effect[site])
        return sum(best.values())

    @property
    def best(self) -> float:
        """The highest true score there is."""
        return self._ends(self._kind) + self.land.prize * len(self.traps)

    def edit(self, program: frozenset[int]) -> frozenset[int]:
        """A program that differs in one site."""
        return program ^ {self._edits.randrange(self.land.sites)}

    def run(self, program: frozenset[int]) -> float:
        """The score that one evaluation run shows."""
        return self.value(program) + self._noise.gauss(0.0, self.land.noise)


class LandscapeStudy:
    """A study in a landscape, searched by one of the product's strategies."""

    def __init__(
        self,
        landscape: Landscape,
        search: str | Callable[[Believer], Search],
        *,
        merges: bool = False,
    ) -> None:
        """search: the name of one of the product's, or what makes another. merges: whether it may merge."""
        self.landscape = landscape
        self.history = History()
        self.believer = LineagePosterior()
        merger = MERGE if merges else None
        self.search: Search = (
            make_search(search, self.believer, proposers=(PROPOSER,), merger=merger)
            if isinstance(search, str)
            else search(self.believer)
        )
        self.programs: list[frozenset[int]] = [frozenset()]
        self._known = {frozenset[int](): 0}
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )

    def explore(self, runs: int, *, at_once: int = 1) -> None:
        """Spend so many experiments; those that come to nothing count, too."""
        while missing_repeats(self.history.baseline):
            self._measure(0)
        budget = Budget(experiments=runs)
        self._tell(SessionStarted(version="", workers=at_once, sandbox="", budget=budget))
        while (left := runs - self.history.spent()) > 0:
            batch: list[int] = []
            for _ in range(min(left, at_once)):
                if not self._choose(batch):
                    break
            for experiment in batch:
                self._measure(experiment)

    def _choose(self, batch: list[int]) -> bool:
        id = len(self.history)
        choice = self.search.choose(self.history, pending=frozenset(batch), seed=derive_seed(id))
        match choice:
            case Repeat(experiment=repeated):
                batch.append(repeated)
            case Extend(parents=parents, proposer=proposer, strategy=strategy):
                self._tell(
                    Opened(
                        experiment=id,
                        epoch=0,
                        parents=parents,
                        proposer=proposer,
                        seed=id,
                        strategy=strategy,
                    )
                )
                if self._propose(id, parents):
                    batch.append(id)
            case None:
                return False
        return True

    def _propose(self, id: int, parents: tuple[int, ...]) -> bool:
        program = self._changed(parents)
        self.programs.append(frozenset() if program is None else program)
        if program is None:
            failed = Failed(stage="propose", reason="nothing new was found")
            self._tell(Rejected(experiment=id, failed=failed))
            return False
        self._known[program] = id
        move = "edit" if len(parents) == 1 else MERGE
        self._tell(
            Proposed(experiment=id, commit=str(id), identity=str(id), move=move, hypothesis="")
        )
        return True

    def _changed(self, parents: tuple[int, ...]) -> frozenset[int] | None:
        """A new program made of these; `None` where none was found."""
        first = self.programs[parents[0]]
        if len(parents) > 1:
            base = self.history.meeting(*parents)
            assert base is not None, "all descend from the baseline"
            program = first ^ (self.programs[parents[1]] ^ self.programs[base])
            return None if program in self._known else program
        for _ in range(_ATTEMPTS):
            program = self.landscape.edit(first)
            if program not in self._known:
                return program
        return None

    def _measure(self, experiment: int) -> None:
        outcome = Measured(
            score=self.landscape.run(self.programs[experiment]),
            metrics={},
            seconds=0.0,
            cpu_seconds=0.0,
            peak_memory_mb=0.0,
        )
        index = self.history[experiment].count("search")
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))

    def recommended(self) -> frozenset[int]:
        best = champion(self.history, self.believer, ())
        assert best is not None, "the baseline has been measured"
        return self.programs[best]

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, 0.0, fact))
        self.believer.add(fact)
        self.search.add(fact)
