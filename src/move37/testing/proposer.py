"""What every proposer promises. Subclass, provide `make_proposer`, and yours is held to the same."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from move37.core.errors import NothingToPropose, ProposalFailed
from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Rejected, Row, Tried
from move37.core.history import History
from move37.core.protocols import Believer, Proposer, Request
from move37.core.records import (
    Belief,
    Direction,
    Evaluation,
    Failed,
    Files,
    Measured,
    Metric,
    Proposal,
    Task,
    Trial,
)
from move37.core.seeds import derive_seed

Program = Mapping[str, bytes]
Evaluate = Callable[[Program, int], float | Failed]
"""The score of a program, given a trial's seed; higher is better."""


class PlainBeliefs:
    """Beliefs that are means of what was measured: no lineage, no shrinkage."""

    def __init__(self, noise: float) -> None:
        self._noise = noise
        self._scores: dict[int, list[float]] = {}

    @property
    def noise(self) -> float:
        return self._noise

    def add(self, fact: Fact) -> None:
        if isinstance(fact, Tried) and isinstance(fact.trial.outcome, Measured):
            self._scores.setdefault(fact.experiment, []).append(fact.trial.outcome.score)

    def belief(self, experiment: int) -> Belief | None:
        scores = self._scores.get(experiment)
        if not scores:
            return None
        return Belief(sum(scores) / len(scores), self._noise / len(scores) ** 0.5)

    def difference(self, experiment: int, other: int) -> Belief | None:
        one, two = self.belief(experiment), self.belief(other)
        if one is None or two is None:
            return None
        return Belief(one.mean - two.mean, (one.sd**2 + two.sd**2) ** 0.5)

    def ranking(self, limit: int) -> list[int]:
        means = {id: sum(scores) / len(scores) for id, scores in self._scores.items()}
        return sorted(means, key=lambda id: (-means[id], id))[:limit]


class PlainLibrary:
    """Implements `core.protocols.Library`, of programs in memory."""

    def __init__(
        self,
        programs: Mapping[int, Program],
        *,
        fixed: Program | None = None,
        attachments: Program | None = None,
        steering: str = "",
    ) -> None:
        self._programs = programs
        self._fixed = fixed or {}
        self._attachments = attachments or {}
        self._steering = steering

    def program(self, experiment: int) -> Program:
        return self._programs[experiment]

    def fixed(self) -> list[str]:
        return sorted(self._fixed)

    def read_fixed(self, path: str) -> bytes:
        return self._fixed[path]

    def attachment(self, key: str) -> bytes | None:
        return self._attachments.get(key)

    def steering(self) -> str:
        return self._steering


class Study:
    """A study in memory, one experiment at a time: enough of one to put a proposer through its paces."""

    def __init__(
        self,
        files: Program,
        evaluate: Evaluate,
        proposer: Proposer,
        *,
        noise: float = 0.0,
        seed: int = 0,
        beliefs: Believer | None = None,
    ) -> None:
        self.history = History()
        self.proposer = proposer
        self.beliefs: Believer = beliefs or PlainBeliefs(noise)
        self.programs: dict[int, Program] = {0: dict(files)}
        self.facts: list[Fact] = []
        self._evaluate = evaluate
        self._seed = seed
        self.task = Task(
            name="paces",
            root=Path("/nowhere"),
            goal="higher",
            files=Files(edit=tuple(files)),
            evaluate=Evaluation(run="true"),
            metric=Metric(name="score", direction=Direction.MAXIMIZE),
        )
        self.tell(
            EpochStarted(
                epoch=0,
                fingerprint="",
                task={},
                baseline=0,
                commit="0",
                identity=_identity(files),
                seed=seed,
            )
        )
        self._try(0)

    def request(self, parent: int, *, id: int | None = None) -> Request:
        """What the next experiment would be asked with."""
        opened = self.open(parent) if id is None else id
        return Request(
            task=self.task,
            experiment=self.history[opened],
            parents=(self.history[parent],),
            files=self.programs[parent],
            history=self.history,
            beliefs=self.beliefs,
            is_known=lambda changes: self.is_known(parent, changes),
            library=PlainLibrary(self.programs),
            champion=lambda: next(iter(self.beliefs.ranking(1)), None),
        )

    def open(self, parent: int) -> int:
        id = len(self.history)
        seed = derive_seed(self._seed, id)
        self.tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer="paces", seed=seed))
        return id

    def is_known(self, parent: int, changes: Mapping[str, bytes | None]) -> bool:
        program = _changed(self.programs[parent], changes)
        return self.history.same_program(_identity(program)) is not None

    def step(self, parent: int) -> int:
        """Open an experiment, fill it and try it; return its id. `NothingToPropose` passes through."""
        request = self.request(parent)
        id = request.experiment.id
        try:
            proposal = self.proposer.propose(request)
        except ProposalFailed as error:
            self.tell(Rejected(experiment=id, failed=Failed(stage="propose", reason=str(error))))
            return id
        self.fill(id, parent, proposal)
        self._try(id)
        return id

    def fill(self, id: int, parent: int, proposal: Proposal) -> None:
        self.programs[id] = _changed(self.programs[parent], proposal.changes)
        self.tell(
            Proposed(
                experiment=id,
                commit=str(id),
                identity=_identity(self.programs[id]),
                move=proposal.move,
                hypothesis=proposal.hypothesis,
                predicted_effect=proposal.predicted_effect,
                prior=proposal.prior,
                detail=proposal.detail,
            )
        )

    def best(self) -> int:
        return self.beliefs.ranking(1)[0]

    def _try(self, id: int) -> None:
        seed = derive_seed(self._seed, "trial", id)
        outcome = self._evaluate(self.programs[id], seed)
        if not isinstance(outcome, Failed):
            outcome = Measured(
                score=outcome,
                metrics={"score": outcome},
                seconds=0.0,
                cpu_seconds=0.0,
                peak_memory_mb=0.0,
            )
        trial = Trial(purpose="search", index=0, seed=seed, outcome=outcome)
        self.tell(Tried(experiment=id, trial=trial))

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.history.add(Row(len(self.facts), 0.0, fact))
        self.beliefs.add(fact)
        self.proposer.add(fact)


def _changed(program: Program, changes: Mapping[str, bytes | None]) -> dict[str, bytes]:
    whole = {**program, **changes}
    return {path: content for path, content in whole.items() if content is not None}


def _identity(program: Program) -> str:
    return repr(sorted(program.items()))


PROGRAM = {"train.py": b"lr = 0.001\nwidth = 64\nactivation = 'relu'\n"}


class ProposerContract:
    """Provide `make_proposer`: a proposer that has something to say about `PROGRAM`."""

    @pytest.fixture
    def make_proposer(self) -> Callable[[], Proposer]:
        raise NotImplementedError

    def study(self, proposer: Proposer) -> Study:
        return Study(PROGRAM, lambda program, seed: float(seed % 7), proposer)

    def test_a_proposal_says_what_and_why(self, make_proposer: Callable[[], Proposer]) -> None:
        study = self.study(make_proposer())
        proposal = study.proposer.propose(study.request(0))
        assert proposal.changes
        assert proposal.move
        assert proposal.hypothesis

    def test_a_proposal_changes_editable_files_only(
        self, make_proposer: Callable[[], Proposer]
    ) -> None:
        study = self.study(make_proposer())
        proposal = study.proposer.propose(study.request(0))
        assert set(proposal.changes) <= set(PROGRAM)
        assert any(content != PROGRAM[path] for path, content in proposal.changes.items())

    def test_the_same_facts_and_request_give_the_same_change(
        self, make_proposer: Callable[[], Proposer]
    ) -> None:
        one, two = self.study(make_proposer()), self.study(make_proposer())
        for _ in range(3):
            try:
                one.step(one.best())
                two.step(two.best())
            except NothingToPropose:
                break
        assert one.facts == two.facts

    def test_asking_twice_changes_nothing(self, make_proposer: Callable[[], Proposer]) -> None:
        study = self.study(make_proposer())
        request = study.request(0)
        assert study.proposer.propose(request) == study.proposer.propose(request)

    def test_one_rebuilt_from_the_facts_goes_on_as_the_other_would(
        self, make_proposer: Callable[[], Proposer]
    ) -> None:
        study = self.study(make_proposer())
        study.step(0)
        request = study.request(0)
        rebuilt = make_proposer()
        for fact in study.facts:
            rebuilt.add(fact)
        assert _said(rebuilt, request) == _said(study.proposer, request)

    def test_a_program_that_the_study_has_is_never_proposed_again(
        self, make_proposer: Callable[[], Proposer]
    ) -> None:
        study = self.study(make_proposer())
        request = study.request(0)
        known = study.proposer.propose(request)
        study.fill(request.experiment.id, 0, known)
        said = _said(study.proposer, study.request(0))
        assert isinstance(said, str) or not study.is_known(0, said.changes)

    def test_what_it_remembers_can_be_stored_as_json(
        self, make_proposer: Callable[[], Proposer]
    ) -> None:
        import json

        study = self.study(make_proposer())
        detail = study.proposer.propose(study.request(0)).detail
        assert json.loads(json.dumps(detail)) == detail


def _said(proposer: Proposer, request: Request) -> Proposal | str:
    try:
        return proposer.propose(request)
    except (ProposalFailed, NothingToPropose) as error:
        return type(error).__name__
