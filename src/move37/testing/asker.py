"""What every asker promises. Subclass, provide the fixtures, and yours is held to the same."""

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from move37.core.errors import Unreadable
from move37.core.protocols import Asker, Request
from move37.core.records import Answer, Proposal, Question
from move37.testing.proposer import PROGRAM, Study

MakeAsker = Callable[[], Asker]


class AskerContract:
    """Provide `make_asker`: one whose questions, asked for real, are answered with a usable change."""

    @pytest.fixture
    def make_asker(self) -> MakeAsker:
        raise NotImplementedError

    @pytest.fixture
    def useless(self) -> Answer:
        """An answer that cannot be read as a change."""
        return Answer(text="I would rather not.", model="m")

    def request(self, asker: Asker) -> Request:
        """For the first experiment of a study that the asker has followed."""
        study = Study(PROGRAM, lambda program, seed: float(seed % 7), _Following(asker))
        return study.request(0)

    def ask(self, asker: Asker, question: Question) -> Answer:
        return asker.ask(question, stop=lambda: False)

    def test_it_works_ahead_by_one_or_more(self, make_asker: MakeAsker) -> None:
        assert make_asker().at_once >= 1

    def test_a_question_is_for_people_and_can_be_stored(self, make_asker: MakeAsker) -> None:
        asker = make_asker()
        question = asker.question(self.request(asker), [])
        assert question.prompt
        assert question.model
        assert question.usd_at_most >= 0
        assert json.loads(json.dumps(question.detail)) == question.detail

    def test_the_same_request_gives_the_same_question(self, make_asker: MakeAsker) -> None:
        one, two = make_asker(), make_asker()
        assert one.question(self.request(one), []) == two.question(self.request(two), [])

    def test_a_question_that_was_stored_can_be_asked_by_another_process(
        self, make_asker: MakeAsker
    ) -> None:
        asker = make_asker()
        question = asker.question(self.request(asker), [])
        stored = Question(**json.loads(json.dumps(asdict(question))))
        answer = self.ask(make_asker(), stored)
        assert not answer.failed

    def test_an_answer_has_its_bill_and_can_be_stored(self, make_asker: MakeAsker) -> None:
        asker = make_asker()
        question = asker.question(self.request(asker), [])
        answer = self.ask(asker, question)
        assert 0 <= answer.usd <= question.usd_at_most + 1e-12
        assert min(answer.tokens_in, answer.tokens_out) >= 0
        assert json.loads(json.dumps(answer.detail)) == answer.detail

    def test_an_answer_is_read_as_a_change_of_editable_files(self, make_asker: MakeAsker) -> None:
        asker = make_asker()
        request = self.request(asker)
        rounds = [self.ask(asker, asker.question(request, []))]
        proposal = asker.read(request, rounds)
        assert proposal.changes
        assert set(proposal.changes) <= set(PROGRAM)
        assert proposal.move
        assert proposal.hypothesis

    def test_reading_twice_gives_the_same(self, make_asker: MakeAsker) -> None:
        asker = make_asker()
        request = self.request(asker)
        rounds = [self.ask(asker, asker.question(request, []))]
        assert asker.read(request, rounds) == asker.read(request, rounds)

    def test_a_useless_answer_is_unreadable_and_may_be_mended(
        self, make_asker: MakeAsker, useless: Answer
    ) -> None:
        asker = make_asker()
        request = self.request(asker)
        with pytest.raises(Unreadable) as raised:
            asker.read(request, [useless])
        assert str(raised.value)
        again = asker.question(request, [useless])
        assert again.prompt
        assert self.ask(asker, again).failed == ""

    def test_told_to_stop_it_does_not_raise(self, make_asker: MakeAsker) -> None:
        asker = make_asker()
        question = asker.question(self.request(asker), [])
        assert isinstance(asker.ask(question, stop=lambda: True), Answer)


class _Following:
    """Stands where a proposer does, and passes the facts on to an asker."""

    def __init__(self, asker: Asker) -> None:
        self.add = asker.add

    def propose(self, request: Request) -> Proposal:
        raise NotImplementedError
