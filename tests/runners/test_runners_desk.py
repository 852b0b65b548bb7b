from collections.abc import Callable, Mapping, Sequence
from threading import Event

import pytest

from move37.core.facts import Asked, Fact
from move37.core.protocols import Asker, Desk, Request
from move37.core.records import Answer, Proposal, Question
from move37.runners.desk import ThreadDesk
from move37.runners.scripted import ScriptedDesk
from move37.testing.desk import DeskContract


def text_of(answer: Answer) -> bytes:
    return answer.text.encode()


class TestThreadDesk(DeskContract):
    @pytest.fixture
    def make_desk(self) -> Callable[[Mapping[str, Asker]], Desk]:
        return lambda askers: ThreadDesk(askers, text_of)


class TestScriptedDesk(DeskContract):
    @pytest.fixture
    def make_desk(self) -> Callable[[Mapping[str, Asker]], Desk]:
        return lambda askers: ScriptedDesk(askers, text_of)


class Patient:
    """Answers when it is let go, or told to stop."""

    at_once = 2

    def __init__(self) -> None:
        self.go = Event()
        self.stopped = Event()

    def add(self, fact: Fact) -> None: ...

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        raise NotImplementedError

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        while not self.go.wait(0.01):
            if stop():
                self.stopped.set()
                return Answer(failed="stopped")
        return Answer(text=question.prompt)

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        raise NotImplementedError


def asked(experiment: int) -> Asked:
    return Asked(experiment=experiment, round=0, model="m")


def test_it_does_not_wait_for_an_answer_unless_told_to() -> None:
    asker = Patient()
    with ThreadDesk({"slow": asker}, text_of) as desk:
        desk.submit("slow", asked(1), Question(prompt="why"))
        assert list(desk.collect()) == []
        assert not desk.has_answers()
        assert set(desk.pending()) == {1}
        asker.go.set()
        ((fact, attachments),) = desk.collect(patience_seconds=30.0)
        assert (fact.experiment, fact.failed) == (1, "")
        assert attachments == {"x1-ask-0/answer": b"why"}


def test_closing_it_tells_askers_to_stop_and_forgets_their_questions() -> None:
    asker = Patient()
    desk = ThreadDesk({"slow": asker}, text_of)
    desk.submit("slow", asked(1), Question(prompt="why"))
    desk.close()
    assert asker.stopped.is_set()
    assert not desk.pending()
    assert list(desk.collect(patience_seconds=30.0)) == []


def test_interrupted_it_closes_and_returns_nothing() -> None:
    asker = Patient()
    desk = ThreadDesk({"slow": asker}, text_of, interrupted=lambda: True)
    desk.submit("slow", asked(1), Question(prompt="why"))
    assert list(desk.collect(patience_seconds=30.0)) == []
    assert asker.stopped.is_set()
    assert not desk.pending()


def test_whoever_waits_for_something_else_is_told_of_an_answer() -> None:
    asker, told = Patient(), Event()
    with ThreadDesk({"slow": asker}, text_of, told=told.set) as desk:
        desk.submit("slow", asked(1), Question(prompt="why"))
        assert not told.is_set()
        asker.go.set()
        assert told.wait(30)
        assert desk.has_answers()
