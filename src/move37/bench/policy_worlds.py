"""Planted studies whose edits have traits, and whose traits say more or less of what the edits do.

A program is its true score, and which sites of it are used up. Real facts go to the real history,
belief, search, policy and gate; edits and runs are drawn, not made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, SessionStarted, Tried
from move37.core.history import Experiment, History
from move37.core.records import Budget, Extend, Measured, Repeat, Trial
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


@dataclass(frozen=True, slots=True)
class Program:
    score: float = 0.0
    used: tuple[str, ...] = ()
    """Turns that have helped: each helps less, the next time."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One edit, as it is proposed."""

    key: str
    traits: tuple[str, ...]
    predicted: float | None
    kind: float
    """Drawn for where the traits say nothing."""
    size: float
    is_typical: bool
    """Whether it does what its traits say."""


class HintedWorld:
    """Of one study: what turns do, and how predictable it is."""

    def __init__(self, predictable: float, seed: int, *, noise: float = 1.0) -> None:
        """predictable: the share of edits that do what others at the same place and way did."""
        self.predictable = predictable
        self.noise = noise
        latent = Random(derive_seed(seed, "latent"))
        self._latent = {
            f"{site}{way}": latent.random() for site in range(SITES) for way in ("up", "down")
        }
        self._edits = Random(derive_seed(seed, "edits"))
        self._noise = Random(derive_seed(seed, "noise"))

    def draw(self) -> Turn:
        """The next edit that is proposed, whatever program it is made to."""
        random = self._edits
        site, way = random.randrange(SITES), random.choice(("up", "down"))
        name = f"knob_{site}"
        traits = (
            "file:train.py",
            f"node:{_KINDS[site % len(_KINDS)]}",
            f"name:{name}",
            f"at:train.py:{name}",
            f"way:train.py:{name}:{way}",
            f"go:{name}:{way}",
            "size:2",
        )
        return Turn(
            key=f"{site}{way}",
            traits=traits,
            predicted=None,
            kind=random.random(),
            size=random.expovariate(1.0),
            is_typical=random.random() < self.predictable,
        )

    def apply(self, program: Program, turn: Turn) -> Program:
        kind = self._latent[turn.key] if turn.is_typical else turn.kind
        if kind < GOOD:
            size = turn.size
            if turn.is_typical:
                size *= WEAR ** program.used.count(turn.key)
            return Program(program.score + size, (*program.used, turn.key))
        lost = turn.size if kind < GOOD + HARMFUL else 0.0
        return replace(program, score=program.score - lost)

    def run(self, program: Program) -> float:
        return program.score + self._noise.gauss(0.0, self.noise)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One edit: what was expected, and what it truly does."""

    mean: float
    sd: float
    prior: float
    truth: float
    let_go: bool
    learned_from: int


class HintedStudy:
    """One study at work, with or without its policy's hints."""

    def __init__(self, world: HintedWorld, *, hopeless: float | None) -> None:
        """hopeless: the gate's; `None`: nothing is let go."""
        self.world = world
        self.history = History()
        self.believer = LineagePosterior()
        self.search = make_search("lineage", self.believer, proposers=("planted",))
        self.policy = Policy(self.believer)
        self._gate = Gate(self.believer, hopeless=hopeless or 0.0)
        self._uses_gate = hopeless is not None
        self.programs: Mapping[int, Program] = {}
        self._programs = {0: Program()}
        self.runs = 0
        self.seen: list[Seen] = []
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )
        while missing_repeats(self.history.baseline):
            self._measure(0)

    def explore(self, runs: int) -> float:
        """Spend so many runs; the true gain of what it recommends."""
        budget = Budget(experiments=self.history.spent() + runs - self.runs)
        self._tell(SessionStarted(version="", workers=1, sandbox="", budget=budget))
        while self.runs < runs:
            choice = self.search.choose(self.history, pending=frozenset(), seed=len(self.history))
            match choice:
                case Repeat(experiment=repeated):
                    self._measure(repeated)
                case Extend(parents=parents, proposer=proposer):
                    self._try(parents[0], proposer)
                case None:
                    break
        best = champion(self.history, self.believer, ())
        return self._programs[best or 0].score

    def _try(self, parent: int, proposer: str) -> None:
        id, turn = len(self.history), self.world.draw()
        self._programs[id] = self.world.apply(self._programs[parent], turn)
        seed = derive_seed(0, id)
        self._tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer=proposer, seed=seed))
        proposed = Proposed(
            experiment=id,
            commit="",
            identity=str(id),
            move="planted",
            hypothesis="",
            predicted_effect=turn.predicted,
            traits=turn.traits,
        )
        proposed = replace(proposed, guess=self.policy.guess(proposed))
        self._tell(proposed)
        one = self.history[id]
        decided = (
            self._gate.decide(self.history, one, champion(self.history, self.believer, ()))
            if self._uses_gate
            else None
        )
        self._note(one, decided is not None)
        if decided is not None:
            self._tell(decided)
        else:
            self._measure(id)

    def _note(self, one: Experiment, let_go: bool) -> None:
        if (guess := one.guess) is not None:
            truth = self._programs[one.id].score - self._programs[one.parents[0]].score
            self.seen.append(
                Seen(
                    mean=guess.mean,
                    sd=guess.sd,
                    prior=guess.prior,
                    truth=truth,
                    let_go=let_go,
                    learned_from=guess.learned_from,
                )
            )

    def _measure(self, experiment: int) -> None:
        self.runs += 1
        outcome = Measured(
            score=self.world.run(self._programs[experiment]),
            metrics={},
            seconds=0.0,
            cpu_seconds=0.0,
            peak_memory_mb=0.0,
        )
        index = self.history[experiment].count("search")
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))

    def _tell(self, fact: Fact) -> None:
        seq = getattr(self, "_seq", 0) + 1
        self._seq = seq
        self.history.add(Row(seq, float(seq), fact))
        for fold in (self.believer, self.search, self.policy, self._gate):
            fold.add(fact)
