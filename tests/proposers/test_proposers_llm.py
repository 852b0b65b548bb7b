"""What `llm` asks, and what it makes of answers; who is asked does not matter here."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from move37.core.errors import NothingToPropose, Unreadable
from move37.core.facts import Answered, Asked, SessionStarted
from move37.core.protocols import Request
from move37.core.records import Answer, Direction, Question
from move37.proposers.llm.calling import CUT_OFF, CUT_SHORT, REFUSED, TOO_LONG, Call, Caller
from move37.proposers.llm.llm import Llm
from move37.proposers.llm.models import Heard, Message, Wish
from move37.proposers.llm.settings import LlmSettings, resolve
from move37.proposers.llm.tokens import at_most, estimate
from move37.testing.proposer import PROGRAM, PlainLibrary, Study
from move37.worker import decode_record, encode_record

KEY = "sk-secret-0123456789"
GOOD = """\
HYPOTHESIS: a larger rate learns faster
PREDICTED EFFECT: -0.25

train.py
<<<<<<< SEARCH
lr = 0.001
=======
lr = 0.003
>>>>>>> REPLACE
"""


class Nobody(Caller):
    """Answers every question with one call, made up."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def call(self, messages: Sequence[Message], wish: Wish, stop: Callable[[], bool]) -> Call:
        return self._call


def llm(call: Call | None = None, **options: Any) -> Llm:
    given = {"model": "openai:some", "price_in": 2.0, "price_out": 10.0, **options}
    settings = LlmSettings.parse(given)
    endpoint = resolve(settings, {"OPENAI_API_KEY": KEY}, usd=None)
    return Llm(settings, endpoint, caller=Nobody(call or Call(heard=Heard())))


class Idle:
    """Fills the place of a proposer in a study that proposes nothing."""

    def add(self, fact: object) -> None: ...

    def propose(self, request: Request) -> Any: ...


def request(*, minimize: bool = False, stored: dict[str, bytes] | None = None) -> Request:
    study = Study(PROGRAM, lambda program, seed: 1.0, Idle())
    made = study.request(0)
    if minimize:
        metric = replace(made.task.metric, direction=Direction.MINIMIZE)
        made = replace(made, task=replace(made.task, metric=metric))
    return replace(made, library=PlainLibrary(study.programs, attachments=stored))


def heard(text: str, **others: Any) -> Heard:
    return Heard(pieces=[text], size=len(text), finish="stop", **others)


def told(text: str = GOOD, **detail: Any) -> Answer:
    return Answer(text=text, model="some", detail={"mode": "improve", **detail})


def test_a_question_can_be_stored_and_holds_all_that_is_sent() -> None:
    question = llm(temperature=0.5, max_tokens=1000).question(request(), [])
    assert decode_record(encode_record(question), Question) == question
    system, user = question.detail["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert system["content"] in question.prompt
    assert user["content"] in question.prompt
    assert "lr = 0.001" in user["content"]
    assert (question.detail["max_tokens"], question.detail["temperature"]) == (1000, 0.5)
    tokens = at_most(question.detail["messages"])
    assert question.usd_at_most == pytest.approx((2 * tokens + 10 * 1000) / 1e6)


def test_the_same_facts_give_the_same_question() -> None:
    assert llm().question(request(), []) == llm().question(request(), [])


@pytest.mark.parametrize("window", [4_000, 8_000, 60_000])
def test_a_question_fits_into_the_window(window: int) -> None:
    proposer = llm(window=window)
    question = proposer.question(request(), [])
    answer = told("word " * 50_000, unreadable="no " * 50_000)
    stored = {"x1-ask-0/question": encode_record(question)}
    mended = proposer.question(request(stored=stored), [answer])
    for each in (question, mended):
        tokens = sum(estimate(message["content"]) for message in each.detail["messages"])
        assert tokens + each.detail["max_tokens"] <= window


def test_mending_goes_on_from_the_stored_question() -> None:
    said = [{"role": "user", "content": "as it was then"}]
    question = Question(prompt="", detail={"messages": said, "mode": "radical"})
    stored = {"x1-ask-0/question": encode_record(question)}
    mended = llm().question(request(stored=stored), [told("huh?", unreadable="it is no change")])
    first, answered, asked = mended.detail["messages"]
    assert first == said[0]
    assert answered == {"role": "assistant", "content": "huh?"}
    assert "it is no change" in asked["content"]
    assert mended.detail["mode"] == "radical"


def test_without_a_stored_question_it_is_written_again() -> None:
    assert len(llm().question(request(), [told("huh?")]).detail["messages"]) == 4


def test_an_answer_becomes_a_proposal() -> None:
    proposal = llm().read(request(), [told()])
    assert proposal.changes == {
        "train.py": PROGRAM["train.py"].replace(b"lr = 0.001", b"lr = 0.003")
    }
    assert proposal.move == "llm.improve"
    assert proposal.hypothesis == "a larger rate learns faster"
    assert proposal.detail["model"] == "some"
    assert json.loads(json.dumps(proposal.detail)) == proposal.detail


def test_a_fall_of_what_is_to_be_minimized_is_a_gain() -> None:
    assert llm().read(request(), [told()]).predicted_effect == -0.25
    assert llm().read(request(minimize=True), [told()]).predicted_effect == 0.25


def test_reasons_are_asked_for_once() -> None:
    bare = told(GOOD[GOOD.index("train.py") :])
    with pytest.raises(Unreadable, match="HYPOTHESIS"):
        llm().read(request(), [bare])
    proposal = llm().read(request(), [told("huh?"), bare])
    assert proposal.changes
    assert proposal.predicted_effect is None
    assert proposal.hypothesis


@pytest.mark.parametrize("cut", [CUT_SHORT, CUT_OFF])
def test_half_of_a_change_is_no_change(cut: str) -> None:
    for rounds in ([told(cut=cut)], [told("huh?"), told(cut=cut)]):
        with pytest.raises(Unreadable):
            llm().read(request(), rounds)


def test_an_empty_answer_is_none() -> None:
    with pytest.raises(Unreadable, match="no text"):
        llm().read(request(), [told(" \n")])


# --- what an answer costs ------------------------------------------------------------------------


def ask(call: Call, **options: Any) -> tuple[Question, Answer]:
    proposer = llm(call, **options)
    question = proposer.question(request(), [])
    answer = proposer.ask(question, stop=lambda: False)
    assert decode_record(encode_record(answer), Answer) == answer
    return question, answer


def test_what_the_provider_tells_is_what_it_costs() -> None:
    _, answer = ask(Call(heard=heard("hello", tokens_in=1000, tokens_out=100), began=True))
    assert (answer.tokens_in, answer.tokens_out) == (1000, 100)
    assert answer.usd == pytest.approx(0.003)
    assert answer.detail["usage"] == "told"


def test_what_it_does_not_tell_is_estimated_thoughts_included() -> None:
    question, answer = ask(Call(heard=heard("hello " * 100, thought=3000), began=True))
    assert answer.detail["usage"] == "estimated"
    assert answer.tokens_out > 1000
    assert 0 < answer.usd <= question.usd_at_most


def test_what_broke_off_counts_at_its_most_and_what_never_began_costs_nothing() -> None:
    question, answer = ask(Call(heard=heard("hel"), cut=CUT_OFF, began=True))
    assert answer.usd == question.usd_at_most
    assert not answer.failed
    question, answer = ask(Call(heard=Heard(), failed="late", began=True))
    assert answer.usd == question.usd_at_most
    _, answer = ask(Call(heard=Heard(), failed="nobody there"))
    assert answer.usd == 0.0
    assert answer.failed == "nobody there"


def test_absurd_answers_can_be_stored() -> None:
    odd = heard("\ud800 \x00 \U0001f600", tokens_in=10**400, tokens_out=10**400, model="m" * 9999)
    _, answer = ask(Call(heard=odd, began=True))
    assert len(answer.model) < 1000
    assert answer.text.endswith("\U0001f600")


def test_a_key_is_not_in_an_answer_that_repeats_it() -> None:
    _, answer = ask(Call(heard=heard(f"the key is {KEY}"), failed=f"not {KEY}", began=True))
    assert KEY not in repr(answer)


def test_a_question_to_another_model_is_not_asked() -> None:
    question = replace(llm().question(request(), []), model="openai:another")
    answer = llm().ask(question, stop=lambda: False)
    assert "openai:another" in answer.failed


# --- what is learned from how it went ------------------------------------------------------------


def after(proposer: Llm, *failures: str) -> Llm:
    for failed in failures:
        proposer.add(Asked(experiment=1, round=0, model="openai:some"))
        proposer.add(Answered(experiment=1, round=0, model="m", failed=failed))
    return proposer


def test_after_three_refusals_in_a_row_nobody_is_asked_any_more() -> None:
    no = f"{REFUSED}the key is wrong"
    after(llm(), no, no, "", no, no).question(request(), [])
    given_up = after(llm(), no, no, no)
    with pytest.raises(NothingToPropose, match="the key is wrong"):
        given_up.question(request(), [])
    given_up.add(SessionStarted(version="", workers=1, sandbox=""))
    given_up.question(request(), [])


def test_refusals_of_others_are_none_of_its_business() -> None:
    proposer = llm()
    for _ in range(9):
        proposer.add(Asked(experiment=1, round=0, model="openai:another"))
        proposer.add(Answered(experiment=1, round=0, model="m", failed=f"{REFUSED}no"))
    proposer.question(request(), [])


def test_a_question_that_was_too_long_makes_the_next_ones_shorter() -> None:
    long = f"{TOO_LONG}4096 tokens"
    before = llm(window=64_000, max_tokens=16_000).question(request(), [])
    later = after(llm(window=64_000, max_tokens=16_000), long, long).question(request(), [])
    assert before.detail["max_tokens"] == 16_000
    assert later.detail["max_tokens"] == 8_000
