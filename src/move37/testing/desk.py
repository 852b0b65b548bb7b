"""What every desk promises. Subclass, provide `make_desk`, and yours is held to the same."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from move37.core.facts import Asked, Fact
from move37.core.protocols import Asker, Desk, Request
from move37.core.records import Answer, Proposal, Question

_LONG_SECONDS = 30.0
"""A test that has to wait so long has failed."""


class Echo:
    """Implements `core.protocols.Asker`: its answer is the question, with its bill."""

    at_once = 3

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        return Question(prompt=request.task.goal)

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        if question.prompt == "raise":
            raise RuntimeError("an asker that is wrong")
        if question.prompt == "fail":
            return Answer(failed="nobody is there", seconds=2.0)
        return Answer(text=question.prompt, usd=0.5, tokens_in=7, tokens_out=3, seconds=1.0)

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        return Proposal(changes={}, move="echo", hypothesis=rounds[-1].text)


def _asked(experiment: int, round: int = 0) -> Asked:
    return Asked(experiment=experiment, round=round, model="echo", usd_at_most=1.0)


class DeskContract:
    @pytest.fixture
    def make_desk(self) -> Callable[[Mapping[str, Asker]], Desk]:
        """Return a function that makes a desk for these askers; it stores an answer as its text."""
        raise NotImplementedError

    @pytest.fixture
    def desk(self, make_desk: Callable[[Mapping[str, Asker]], Desk]) -> Desk:
        return make_desk({"echo": Echo()})

    def test_it_says_how_far_each_may_work_ahead(self, desk: Desk) -> None:
        assert dict(desk.at_once) == {"echo": 3}

    def test_each_question_is_answered_once(self, desk: Desk) -> None:
        for experiment in (4, 5, 6):
            desk.submit("echo", _asked(experiment), Question(prompt=f"q{experiment}"))
        assert set(desk.pending()) == {4, 5, 6}
        found: dict[int, bytes] = {}
        while desk.pending():
            for fact, attachments in desk.collect(patience_seconds=_LONG_SECONDS):
                found[fact.experiment] = attachments[f"x{fact.experiment}-ask-0/answer"]
        assert found == {4: b"q4", 5: b"q5", 6: b"q6"}
        assert not desk.has_answers()

    def test_the_fact_has_the_bill(self, desk: Desk) -> None:
        desk.submit("echo", _asked(2, round=1), Question(prompt="q"))
        ((fact, attachments),) = desk.collect(patience_seconds=_LONG_SECONDS)
        assert (fact.round, fact.model, fact.failed) == (1, "echo", "")
        assert (fact.usd, fact.tokens_in, fact.tokens_out, fact.seconds) == (0.5, 7, 3, 1.0)
        assert list(attachments) == ["x2-ask-1/answer"]

    def test_that_nobody_answers_is_an_answer(self, desk: Desk) -> None:
        desk.submit("echo", _asked(2), Question(prompt="fail"))
        ((fact, _),) = desk.collect(patience_seconds=_LONG_SECONDS)
        assert fact.failed == "nobody is there"

    def test_an_asker_that_raises_has_failed_and_says_how(self, desk: Desk) -> None:
        desk.submit("echo", _asked(2), Question(prompt="raise"))
        ((fact, attachments),) = desk.collect(patience_seconds=_LONG_SECONDS)
        assert "an asker that is wrong" in fact.failed
        assert b"Traceback" in attachments["x2-ask-0/answer"]

    def test_asking_twice_for_one_experiment_asks_once(self, desk: Desk) -> None:
        desk.submit("echo", _asked(2), Question(prompt="first"))
        desk.submit("echo", _asked(2), Question(prompt="second"))
        ((_, attachments),) = desk.collect(patience_seconds=_LONG_SECONDS)
        assert attachments["x2-ask-0/answer"] == b"first"
        assert not desk.pending()

    def test_closed_it_waits_for_nobody(self, desk: Desk) -> None:
        desk.submit("echo", _asked(2), Question(prompt="q"))
        desk.close()
        assert not desk.pending()
        assert list(desk.collect()) == []
