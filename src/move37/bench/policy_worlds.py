"""Planted studies whose edits have traits, and whose traits say more or less of what the edits do.

A program is its true score, and which sites of it are used up. Real facts go to the real history,
belief, search, policy and gate; edits and runs are drawn, not made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, isfinite
from random import Random
from typing import Any, Protocol

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
from move37.core.history import Experiment, History
from move37.core.protocols import Fold
from move37.core.records import Belief, Budget, Extend, Failed, Measured, Repeat, Trial
from move37.core.seeds import derive_seed
from move37.policy.gate import Gate
from move37.policy.policy import Policy
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, make_search

SITES = 20
"""Each can be turned two ways."""
GOOD, HARMFUL = 0.10, 0.40
"""Shares of all edits; the rest does nothing. Effects are exponential, of mean 1."""
WEAR = 0.6
"""What is left of what a turn gains, the next time that it is taken."""
_KINDS = ("number", "flag", "expression", "insert")


class World(Protocol):
    """What is studied: programs, the changes that are proposed to them, and what they score."""

    def start(self) -> Any:
        """The program as it is."""
        ...

    def propose(self, study: "HintedStudy", parent: int) -> "Proposed | None":
        """The next change to an experiment, in the name of the latest one; `keep` is told its program.
        `None`: there is none."""
        ...

    def run(self, program: Any, index: int) -> float:
        """The score of its trial of this index."""
        ...

    def truth(self, program: Any) -> float | None:
        """Its true score; `None` where nobody knows it."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """A planted one."""

    score: float = 0.0
    used: tuple[str, ...] = ()
    """Turns that have helped: each helps less, the next time."""


class HintedWorld:
    """Of one planted study: what turns do, and how predictable it is."""

    def __init__(self, predictable: float, seed: int, *, noise: float = 1.0) -> None:
        """predictable: the share of edits that do what others at the same place and way did."""
        self._predictable = predictable
        self._sd = noise
        latent = Random(derive_seed(seed, "latent"))
        self._latent = {
            f"{site}{way}": latent.random() for site in range(SITES) for way in ("up", "down")
        }
        self._edits = Random(derive_seed(seed, "edits"))
        self._noise = Random(derive_seed(seed, "noise"))

    def start(self) -> Program:
        return Program()

    def propose(self, study: "HintedStudy", parent: int) -> Proposed:
        random = self._edits
        site, way = random.randrange(SITES), random.choice(("up", "down"))
        kind, size = random.random(), random.expovariate(1.0)
        is_typical = random.random() < self._predictable
        before: Program = study.programs[parent]
        after = self._after(before, f"{site}{way}", kind, size, is_typical=is_typical)
        id, name = study.latest, f"knob_{site}"
        study.programs[id] = after
        traits = (
            "file:train.py",
            f"node:{_KINDS[site % len(_KINDS)]}",
            f"name:{name}",
            f"at:train.py:{name}",
            f"way:train.py:{name}:{way}",
            f"go:{name}:{way}",
            "size:2",
        )
        return Proposed(
            experiment=id,
            commit="",
            identity=str(id),
            move="planted",
            hypothesis="",
            traits=traits,
        )

    def _after(
        self, program: Program, key: str, kind: float, size: float, *, is_typical: bool
    ) -> Program:
        kind = self._latent[key] if is_typical else kind
        if kind < GOOD:
            if is_typical:
                size *= WEAR ** program.used.count(key)
            return Program(program.score + size, (*program.used, key))
        lost = size if kind < GOOD + HARMFUL else 0.0
        return replace(program, score=program.score - lost)

    def run(self, program: Program, index: int) -> float:
        return program.score + self._noise.gauss(0.0, self._sd)

    def truth(self, program: Program) -> float:
        return program.score


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One change: what was expected, and what came."""

    mean: float
    sd: float
    learned_from: int
    let_go: bool
    truth: float | None
    """What it truly does; `None` where nobody knows."""
    seen: float | None
    """Its first score less what its parent was believed to have; `None` where it has none."""
    seen_sd: float
    """Of the error of that."""


class HintedStudy:
    """One study at work, with or without its policy's hints."""

    def __init__(self, world: World, *, hopeless: float | None, folds: Sequence[Fold] = ()) -> None:
        """hopeless: the gate's; `None`: nothing is let go. folds: who else is told the facts."""
        self.world = world
        self.history = History()
        self.believer = LineagePosterior()
        self._search = make_search("lineage", self.believer, proposers=("planted",))
        self._policy = Policy(self.believer)
        self._gate = Gate(self.believer, hopeless=hopeless or 0.0)
        self._uses_gate = hopeless is not None
        self._folds: tuple[Fold, ...] = (
            self.believer,
            self._search,
            self._policy,
            self._gate,
            *folds,
        )
        self._told = 0
        self.programs: dict[int, Any] = {0: world.start()}
        self.runs = 0
        self.seen: list[Seen] = []
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )
        while missing_repeats(self.history.baseline):
            self._measure(0)

    @property
    def latest(self) -> int:
        return len(self.history) - 1

    @property
    def champion(self) -> int:
        return champion(self.history, self.believer, ()) or 0

    def explore(self, runs: int) -> Any:
        """Spend so many runs; the program that it recommends."""
        budget = Budget(experiments=self.history.spent() + runs - self.runs)
        self._tell(SessionStarted(version="", workers=1, sandbox="", budget=budget))
        while self.runs < runs:
            choice = self._search.choose(self.history, pending=frozenset(), seed=len(self.history))
            match choice:
                case Repeat(experiment=repeated):
                    self._measure(repeated)
                case Extend(parents=parents, proposer=proposer):
                    self._try(parents[0], proposer)
                case None:
                    break
        return self.programs[self.champion]

    def _try(self, parent: int, proposer: str) -> None:
        id = len(self.history)
        seed = derive_seed(0, id)
        self._tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer=proposer, seed=seed))
        proposed = self.world.propose(self, parent)
        if proposed is None:
            failed = Failed(stage="propose", reason="nothing new")
            self._tell(Rejected(experiment=id, failed=failed))
            self.runs += 1
            return
        self._tell(replace(proposed, guess=self._policy.guess(proposed)))
        one, before = self.history[id], self.believer.belief(parent)
        assert before is not None, "a parent is measured"
        decided = self._gate.decide(self.history, one, self.champion) if self._uses_gate else None
        if decided is not None:
            self._tell(decided)
        else:
            self._measure(id)
        self._note(one, before, let_go=decided is not None)

    def _note(self, one: Experiment, before: Belief, *, let_go: bool) -> None:
        if (guess := one.guess) is None:
            return
        truth, base = (self.world.truth(self.programs[id]) for id in (one.id, one.parents[0]))
        scores = self.history[one.id].scores()
        self.seen.append(
            Seen(
                mean=guess.mean,
                sd=guess.sd,
                learned_from=guess.learned_from,
                let_go=let_go,
                truth=None if truth is None or base is None else truth - base,
                seen=scores[0] - before.mean if scores else None,
                seen_sd=hypot(self.believer.noise, before.sd),
            )
        )

    def _measure(self, experiment: int) -> None:
        self.runs += 1
        index = self.history[experiment].count("search")
        score = self.world.run(self.programs[experiment], index)
        if isfinite(score):
            outcome = Measured(
                score=score, metrics={}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0
            )
        else:
            outcome = Failed(stage="run", reason="it failed")
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))

    def _tell(self, fact: Fact) -> None:
        self._told += 1
        self.history.add(Row(self._told, float(self._told), fact))
        for fold in self._folds:
            fold.add(fact)
