"""`llm`: asks a language model, by its API, for a change to a program.

It writes the question (`context.py` says what is in it), has it asked (`calling.py`), and reads the answer
(`reply.py`); an answer that cannot be used is sent back once, with the reason. What a question may cost
is known before it goes out. It remembers nothing that the facts do not say.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import Any, cast

from move37.core.errors import NothingToPropose, Unreadable
from move37.core.facts import Answered, Asked, EpochStarted, Fact, SessionStarted
from move37.core.protocols import Request
from move37.core.records import Answer, Proposal, Question
from move37.proposers.context.context import Posts, Quotes, build_context
from move37.proposers.context.memory import Memory
from move37.proposers.context.near import too_near
from move37.proposers.context.sketches import sketch_of
from move37.proposers.llm.calling import CUT_OFF, CUT_SHORT, REFUSED, TOO_LONG, Call, Caller
from move37.proposers.llm.clients import load_client, need_client
from move37.proposers.llm.models import Message, Wish
from move37.proposers.llm.prices import FREE
from move37.proposers.llm.settings import Endpoint, LlmSettings, resolve
from move37.proposers.llm.tokens import at_most, estimate
from move37.proposers.place import Place
from move37.proposers.reply.reply import FORMAT, read_reply

_REFUSALS = 3
"""So many refusals in a row that no other question would escape, and nobody is asked any more."""
_LEAST_WINDOW = 2_000
_MARGIN = 64
"""Tokens that are left free, as `estimate` is one."""
_REASON = 4_000
"""Characters, at most, of why an answer cannot be used."""
_REPAIR_TOKENS = 6_000
"""So much of a window is kept for an unusable answer, at most, so that it can be sent back."""
_LEAST_QUOTE = 100
_NAME = 200
"""Characters of what a server calls its model, at most."""
_MOST_TOKENS = 1_000_000_000
"""More is no count of tokens, whoever tells it."""


def make_llm(options: Mapping[str, Any], place: Place) -> "Llm":
    """The proposer that a table of a task asks for. Raises `TaskError` where it cannot work."""
    settings = LlmSettings.parse(options)
    endpoint = resolve(settings, place.environment, usd=place.task.budget.usd)
    need_client(endpoint)
    return Llm(
        settings, endpoint, quotes=place.references, posts=place.posts if settings.posts else None
    )


class Llm:
    """Implements `move37.core.protocols.Asker`."""

    def __init__(
        self,
        settings: LlmSettings,
        endpoint: Endpoint,
        *,
        caller: Caller | None = None,
        quotes: Quotes | None = None,
        posts: Posts | None = None,
    ) -> None:
        """quotes: from the user's references; posts: of the board; `None`: there are none."""
        self._settings = settings
        self._quotes = quotes
        self._posts = posts
        self._endpoint = endpoint
        self._price = endpoint.price or FREE
        self._caller = caller or Caller(
            endpoint, timeout_seconds=settings.timeout, patience_seconds=settings.patience
        )
        self._memory = Memory()
        self._asked: set[int] = set()
        """Experiments with a question of ours that is not answered."""
        self._refusals: list[str] = []
        """The latest answers, as long as all of them were refusals."""
        self._halvings = 0
        """How often the window was found to be smaller than thought."""

    @property
    def at_once(self) -> int:
        return self._settings.at_once

    def prepare(self) -> None:
        """Begin to load the client, beside whatever comes before the first question."""
        Thread(target=load_client, args=(self._endpoint,), name="load-client", daemon=True).start()

    def add(self, fact: Fact) -> None:
        self._memory.add(fact)
        match fact:
            case EpochStarted() | SessionStarted():
                self._refusals.clear()
            case Asked() if fact.model == self._endpoint.model:
                self._asked.add(fact.experiment)
            case Answered() if fact.experiment in self._asked:
                self._asked.discard(fact.experiment)
                self._learn(fact.failed)
            case _:
                pass

    def _learn(self, failed: str) -> None:
        if failed.startswith(REFUSED):
            self._refusals.append(failed.removeprefix(REFUSED))
        else:
            self._refusals.clear()
        self._halvings += failed.startswith(TOO_LONG)

    # --- asking ---

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        if len(self._refusals) >= _REFUSALS:
            raise NothingToPropose(f"{self._refusals[-1]}; nobody else is asked in its place")
        if rounds:
            messages, mode = self._repair(request, rounds[-1])
        else:
            messages, mode = self._first(request)
        return self._written(messages, mode)

    def _first(self, request: Request) -> tuple[Sequence[Message], str]:
        context = build_context(
            request,
            window_tokens=self._room(),
            count=estimate,
            answer_format=FORMAT,
            memory=self._memory,
            quotes=self._quotes,
            posts=self._posts,
        )
        said = (("system", context.system), ("user", context.user))
        return [{"role": role, "content": text} for role, text in said], context.mode

    def _repair(self, request: Request, answer: Answer) -> tuple[Sequence[Message], str]:
        """The conversation so far, what was answered, and why that could not be used."""
        stored = request.library.attachment(f"x{request.experiment.id}-ask-0/question")
        first, mode = (stored and _stored_messages(stored)) or self._first(request)
        reason = str(answer.detail.get("unreadable") or "it could not be read")[:_REASON]
        mend = (
            f"Your answer cannot be used: {reason}\n\n"
            "Answer again, in the same format: the whole corrected answer, and nothing else."
        )
        window, most = self._limits()
        said = sum(estimate(each["content"]) for each in first) + estimate(mend)
        quote = _fitting(answer.text, window - most - _MARGIN - said)
        rest = (("assistant", quote or "(an answer that is not repeated here)"), ("user", mend))
        return [*first, *({"role": role, "content": text} for role, text in rest)], mode

    def _limits(self) -> tuple[int, int]:
        """Tokens that question and answer may have together, and the answer alone."""
        window = max(_LEAST_WINDOW, self._endpoint.window >> self._halvings)
        return window, min(self._endpoint.max_tokens, window // 2)

    def _room(self) -> int:
        """Tokens that a first question may have."""
        window, most = self._limits()
        return window - most - min(most, window // 8, _REPAIR_TOKENS) - _MARGIN

    def _written(self, messages: Sequence[Message], mode: str) -> Question:
        messages = [{**each, "content": self._clean(each["content"])} for each in messages]
        most = self._limits()[1]
        return Question(
            prompt="\n\n".join(f"[{each['role']}]\n{each['content']}" for each in messages),
            model=self._endpoint.model,
            usd_at_most=self._price.usd(at_most(messages), most),
            detail={
                "messages": messages,
                "max_tokens": most,
                "temperature": self._settings.temperature,
                "mode": mode,
            },
        )

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        model = self._endpoint.model
        if question.model != model:
            return Answer(
                failed=f"the question was one to {question.model}, and {model} is asked now",
                model=question.model,
            )
        messages = cast("list[Message]", question.detail["messages"])
        wish = Wish(
            max_tokens=int(question.detail["max_tokens"]),
            temperature=question.detail["temperature"],
        )
        began = time.monotonic()
        call = self._caller.call(messages, wish, stop)
        return self._counted(question, messages, call, time.monotonic() - began)

    def _counted(
        self, question: Question, messages: Sequence[Message], call: Call, seconds: float
    ) -> Answer:
        """What came, with what it has cost."""
        heard = call.heard
        tokens_in, tokens_out, usage = heard.tokens_in, heard.tokens_out, "told"
        text = self._clean(heard.text)
        if not tokens_in or not tokens_out:
            tokens_in = sum(estimate(each["content"]) for each in messages)
            tokens_out = estimate(text) + heard.thought // 3
            usage = "estimated"
        usd = self._price.usd(min(tokens_in, _MOST_TOKENS), min(tokens_out, _MOST_TOKENS))
        if not call.began:
            tokens_in = tokens_out = 0
            usd, usage = 0.0, "nothing"
        elif call.failed or call.cut == CUT_OFF:
            # Nobody knows what is charged for an answer that broke off.
            usd, usage = question.usd_at_most, "at most"
        detail = {
            "mode": question.detail["mode"],
            "finish": self._clean(heard.finish)[:_NAME],
            "cut": call.cut,
            "usage": usage,
            "price": "unknown" if self._endpoint.price is None else "known",
            "attempts": call.attempts,
            "waited_seconds": round(call.waited_seconds, 3),
        }
        return Answer(
            text=text,
            failed=self._clean(call.failed),
            model=self._clean(heard.model)[:_NAME] or question.model,
            usd=usd,
            tokens_in=min(tokens_in, _MOST_TOKENS),
            tokens_out=min(tokens_out, _MOST_TOKENS),
            seconds=seconds,
            detail=detail,
        )

    def _clean(self, text: str) -> str:
        """What can be stored, and holds no key."""
        key = self._endpoint.key
        if key and key in text:
            text = text.replace(key, "[key]")
        # Lone halves of surrogate pairs cannot be encoded; models do not mean them.
        return text.encode(errors="replace").decode()

    # --- reading ---

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        answer, is_first = rounds[-1], len(rounds) == 1
        self._refuse_cut(answer)
        reply = read_reply(answer.text, request.files, needs_reasons=is_first)
        hypothesis = reply.hypothesis or "the model did not say why"
        near = too_near(request, reply.changes, memory=self._memory, hypothesis=reply.hypothesis)
        if near is not None:
            raise Unreadable(f"{near}; propose another change")
        effect = reply.predicted_effect
        return Proposal(
            changes=reply.changes,
            move=f"llm.{answer.detail.get('mode') or 'change'}",
            hypothesis=hypothesis,
            # Of a metric to be minimized, a fall is a gain.
            predicted_effect=None if effect is None else request.task.metric.score(effect),
            detail={
                "model": answer.model,
                "notes": list(reply.notes),
                "edit": sketch_of(request.files, reply.changes).to_json(),
            },
        )

    def _refuse_cut(self, answer: Answer) -> None:
        """What is left of an answer that was cut off may look whole, and is not."""
        cut = answer.detail.get("cut")
        if cut == CUT_SHORT:
            raise Unreadable(
                f"it was cut off, as {CUT_SHORT} = {self._limits()[1]}: answer with a smaller change, "
                "in fewer words"
            )
        if cut:
            raise Unreadable(f"its end is missing: {cut}")
        if not answer.text.strip():
            raise Unreadable("there is no text in it")


def _stored_messages(data: bytes) -> tuple[Sequence[Message], str] | None:
    """The messages of a stored question, and what kind of change it asked for."""
    try:
        detail = json.loads(data)["detail"]
        return cast("list[Message]", detail["messages"]), str(detail["mode"])
    except (ValueError, KeyError, TypeError):
        return None


def _fitting(text: str, tokens: int) -> str:
    """As much of the beginning of a text as has so many tokens; nothing where that is next to nothing."""
    whole = estimate(text)
    if whole <= tokens:
        return text
    if tokens < _LEAST_QUOTE:
        return ""
    return f"{text[: int(len(text) * tokens / whole * 0.9)]}\n[…]"
