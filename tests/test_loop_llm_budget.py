"""Whatever models cost and however they answer, a study never spends more than its budget."""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking_study import explore
from move37.core.history import History
from move37.proposers.llm.calling import Caller, Clock
from move37.proposers.llm.llm import Llm
from move37.proposers.llm.models import Heard, Message, Unreachable, Wish
from move37.proposers.llm.openai_model import OpenAiApi
from move37.proposers.llm.refusals import Refused
from move37.proposers.llm.settings import LlmSettings, resolve
from move37.proposers.llm.tokens import at_most
from move37.store.memory import MemoryStore

GOOD = "HYPOTHESIS: it is new\nPREDICTED EFFECT: 1\n\nWHOLE FILE: program\n```\nprogram {}\n```\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """How one request is answered."""

    kind: str
    sent: float
    """Share of the tokens that a question can be at most."""
    written: float
    tells: bool
    """The usage; of a request that fails, why."""


moods = st.builds(
    Mood,
    kind=st.sampled_from(["good", "odd", "cut", "broken", "dead", "busy"]),
    sent=st.floats(0.0, 1.0),
    written=st.floats(0.0, 1.0),
    tells=st.booleans(),
)
CALM = Mood(kind="good", sent=0.3, written=0.5, tells=True)


class Moody:
    """A model that answers as hypothesis likes, and never takes more than it may."""

    def __init__(self, moods: Sequence[Mood]) -> None:
        self._moods = iter(moods)
        self._calls = 0

    @contextmanager
    def send(
        self, messages: Sequence[Message], wish: Wish
    ) -> Generator[tuple[Mapping[str, str], Iterator[bytes]], None, None]:
        self._calls += 1
        mood = next(self._moods, CALM)
        if mood.kind == "dead":
            raise Refused(500, "no") if mood.tells else Unreachable("no")
        if mood.kind == "busy":
            raise Refused(429, "busy", headers={"retry-after": "0"})
        text = GOOD.format(self._calls) if mood.kind == "good" else "mumble"
        usage = {
            "prompt_tokens": round(mood.sent * at_most(messages)),
            "completion_tokens": round(mood.written * wish.max_tokens),
        }
        finish = {"cut": "length", "broken": None}.get(mood.kind, "stop")
        said: dict[str, Any] = {
            "choices": [{"delta": {"content": text}, "finish_reason": finish}],
            "usage": usage if mood.tells else None,
        }
        yield {}, iter([f"data: {json.dumps(said)}\n\n".encode()])

    def take(self, said: Mapping[str, Any], heard: Heard) -> None:
        OpenAiApi.take(cast("Any", self), said, heard)

    def close(self) -> None: ...


@settings(max_examples=30)
@given(
    moods=st.lists(moods, max_size=12),
    usd=st.floats(0.0, 1.0),
    prices=st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 100.0)),
    max_tokens=st.integers(16, 4000),
    at_once=st.integers(1, 4),
)
def test_no_budget_is_exceeded(
    tmp_path_factory: pytest.TempPathFactory,
    moods: list[Mood],
    usd: float,
    prices: tuple[float, float],
    max_tokens: int,
    at_once: int,
) -> None:
    options = {
        "model": "openai:chance",
        "price_in": prices[0],
        "price_out": prices[1],
        "max_tokens": max_tokens,
        "window": 12_000,
        "at_once": at_once,
    }
    table = LlmSettings.parse(options)
    endpoint = resolve(table, {"OPENAI_API_KEY": "sk-any-key-at-all"}, usd=usd)
    model = Moody(moods)
    caller = Caller(
        endpoint,
        timeout_seconds=60,
        patience_seconds=1e6,
        connect=lambda endpoint, timeout: model,
        clock=Clock(chance=lambda: 0.0),
    )
    store = MemoryStore()
    llm = Llm(table, endpoint, caller=caller)
    halt = explore(store, llm, tmp_path_factory.mktemp("t"), experiments=4, usd=usd)
    assert halt in ("budget", "exhausted")
    history = History()
    for row in store.rows():
        history.add(row)
        assert history.usd_committed <= usd + 1e-9
