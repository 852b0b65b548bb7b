"""A real task for `bench policy`: the gallery's `tabular`, trained in this process.

Only constants of the gallery's own program are turned, so nothing has to be fenced in. The proposer is
either `tune`, or a blind one that turns any site by any step, as likely as any other: what is proposed
by somebody who does not learn.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from move37.bench.policy_worlds import HintedStudy
from move37.core.errors import Move37Error, ProposalFailed
from move37.core.facts import Proposed
from move37.core.protocols import Request
from move37.core.records import Task
from move37.core.seeds import derive_seed
from move37.policy.traits import traits_of
from move37.proposers.source.normalise import Normaliser
from move37.proposers.source.sites import Sites, apply_edits
from move37.proposers.tune.moves import Ruler, joined, moves_of
from move37.proposers.tune.tune import Tune

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

FILE = "model.py"
_FOLDS = 10
_FRESH = 12
"""Fresh splits for the true score of a program."""
_TRIES = 20


class TabularWorld:
    """Programs are the bytes of `model.py`; their scores are minus the mean absolute error."""

    def __init__(self, directory: Path, task: Task, seed: int, *, tune: bool) -> None:
        """directory: where the task is installed. tune: whether `tune` proposes, or chance."""
        import numpy as np

        with np.load(directory / "data" / "search.npz") as file:
            self._x: Array = file["x"]
            self._y: Array = file["y"]
        self._start = (directory / FILE).read_bytes()
        self._task = task
        self._seed = seed
        self._chance = Random(derive_seed(seed, "blind"))
        self.tune = Tune() if tune else None
        self._sites, self._ruler, self._normaliser = Sites(), Ruler(), Normaliser()

    def start(self) -> bytes:
        return self._start

    def propose(self, study: HintedStudy, parent: int) -> Proposed | None:
        before: bytes = study.programs[parent]
        known = {self._identity(program) for program in study.programs.values()}
        found = self._by_tune(study, parent, known) if self.tune else self._blind(before, known)
        if found is None:
            return None
        after, rest = found
        study.programs[study.latest] = after
        return Proposed(
            experiment=study.latest,
            commit="",
            identity=self._identity(after),
            hypothesis="",
            traits=traits_of({FILE: before}, {FILE: after}),
            size=2,
            **rest,
        )

    def _identity(self, program: bytes) -> str:
        return self._normaliser.identity({FILE: program})

    def _blind(self, before: bytes, known: set[str]) -> tuple[bytes, dict[str, Any]] | None:
        sites = [
            s for s in self._sites.scan(FILE, before).sites if s.kind not in ("swap", "delete")
        ]
        for _ in range(_TRIES):
            count = 2 if self._chance.random() < 0.25 else 1
            drawn = [
                self._chance.choice(moves)
                for site in self._chance.sample(sites, count)
                if (moves := list(moves_of(site, self._ruler.gauge(site))))
            ]
            move = joined(drawn) if drawn else None
            if move is None:
                continue
            after = apply_edits(before, move.edits)
            if self._identity(after) not in known:
                return after, {"move": "blind" if count == 1 else "blind.pair"}
        return None

    def _by_tune(
        self, study: HintedStudy, parent: int, known: set[str]
    ) -> tuple[bytes, dict[str, Any]] | None:
        assert self.tune is not None
        files = {FILE: study.programs[parent]}

        def is_known(changes: Mapping[str, bytes | None]) -> bool:
            return self._identity(changes[FILE] or b"") in known

        request = Request(
            task=self._task,
            experiment=study.history[study.latest],
            parents=(study.history[parent],),
            files=files,
            history=study.history,
            beliefs=study.believer,
            is_known=is_known,
            library=_NoLibrary(),
        )
        try:
            proposal = self.tune.propose(request)
        except ProposalFailed:
            return None
        rest = {
            "move": proposal.move,
            "predicted_effect": proposal.predicted_effect,
            "prior": proposal.prior,
            "detail": proposal.detail,
        }
        return proposal.changes[FILE] or b"", rest

    def run(self, program: bytes, index: int) -> float:
        return self._score(program, derive_seed(self._seed, "trial", index))

    def truth(self, program: bytes) -> None:
        """Not known but to `value`, which is dear."""

    def value(self, program: bytes) -> float:
        """Its mean over fresh splits, the same ones for all."""
        scores = [self._score(program, derive_seed(0, "fresh", each)) for each in range(_FRESH)]
        return sum(scores) / len(scores)

    def _score(self, program: bytes, seed: int) -> float:
        """Minus the error over folds of a split of its own; minus infinity when it fails."""
        import numpy as np

        space: dict[str, Any] = {}
        x, y, predicted = self._x, self._y, np.empty(len(self._y))
        part = np.random.default_rng(seed % 2**32).permutation(len(y)) % _FOLDS
        with np.errstate(all="ignore"):
            try:
                exec(compile(program, FILE, "exec"), space)  # the gallery's own, but for constants
                for fold in range(_FOLDS):
                    test = part == fold
                    rng = np.random.default_rng((seed % 2**32, fold))
                    predicted[test] = space["predict"](x[~test], y[~test], x[test], rng)
            except (ArithmeticError, ValueError, LookupError, TypeError, AttributeError, NameError):
                return float("-inf")
        error = float(np.abs(predicted - y).mean())
        return -error if np.isfinite(error) else float("-inf")


class _NoLibrary:
    """For a proposer that reads nothing but the parent."""

    def program(self, experiment: int) -> Mapping[str, bytes]:
        raise Move37Error("there are no programs here")

    def fixed(self) -> Sequence[str]:
        return ()

    def read_fixed(self, path: str) -> bytes:
        raise Move37Error("there are no files here")

    def attachment(self, key: str) -> None:
        """Nothing."""

    def steering(self) -> str:
        return ""
