from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import TaskError
from move37.proposers.llm.clients import need_client
from move37.proposers.llm.prices import Price, known_price
from move37.proposers.llm.settings import Endpoint, LlmSettings, resolve
from move37.proposers.llm.tokens import at_most, estimate

KEY = "sk-secret-0123456789"
KEYS = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}


def endpoint(
    environment: Mapping[str, str] = KEYS, *, usd: float | None = None, **options: Any
) -> Endpoint:
    return resolve(LlmSettings.parse(options), environment, usd=usd)


def test_a_model_is_found_by_provider_and_name() -> None:
    found = endpoint(model="openai:gpt-5-mini")
    assert (found.provider, found.name, found.key) == ("openai", "gpt-5-mini", KEY)
    assert found.base_url == "https://api.openai.com/v1"
    assert found.price == Price(input=0.25, output=2)
    assert endpoint(model="anthropic:claude-haiku-4-5").base_url == "https://api.anthropic.com"


def test_a_local_model_is_a_url_and_a_name_and_costs_nothing() -> None:
    found = endpoint({}, usd=0.0, model="local:http://127.0.0.1:8080/v1#qwen")
    assert (found.base_url, found.name, found.key) == ("http://127.0.0.1:8080/v1", "qwen", "")
    assert found.price is not None
    assert found.price.is_free


def test_a_dated_name_is_the_same_model() -> None:
    assert known_price("openai", "gpt-5-2025-08-07") == known_price("openai", "gpt-5")
    dated = known_price("anthropic", "claude-haiku-4-5-20251001")
    assert dated == known_price("anthropic", "claude-haiku-4-5")
    assert known_price("openai", "gpt-5-codex-of-mine") is None


def test_the_address_is_from_the_task_or_else_the_environment() -> None:
    environment = {**KEYS, "OPENAI_BASE_URL": "http://localhost:1/v1/"}
    assert endpoint(environment, model="openai:x").base_url == "http://localhost:1/v1"
    there = endpoint(environment, model="openai:x", base_url="https://example.org/v1")
    assert there.base_url == "https://example.org/v1"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "no model is named"),
        ({"model": "gpt-5"}, "names no model"),
        ({"model": "openai:"}, "names no model"),
        ({"model": "local:8080"}, "is no URL"),
        ({"model": "local:http://127.0.0.1:99999/v1"}, "is no URL"),
        ({"model": 5}, "must be a text"),
        ({"model": "openai:x", "modle": 1}, "unknown key 'modle'"),
        ({"model": "openai:x", "at_once": 0}, "at_once must be a whole number, 1 to 64, not 0"),
        ({"model": "openai:x", "at_once": True}, "at_once must be"),
        ({"model": "openai:x", "timeout": "10m"}, "timeout must be a number of seconds"),
        ({"model": "openai:x", "timeout": float("nan")}, "timeout must be"),
        ({"model": "openai:x", "temperature": 3}, "temperature must be"),
        ({"model": "openai:x", "price_in": 1.0}, "both or neither"),
        ({"model": "openai:x", "window": 4000, "max_tokens": 4000}, "leaves no room"),
        ({"model": "local:http://a/v1", "base_url": "http://b/v1"}, "has its URL in `model`"),
        ({"model": "openai:x", "base_url": "ftp://b"}, "is no URL"),
        ({"model": "openai:x", "posts": "no"}, "posts must be true or false, not 'no'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(options: dict[str, Any], says: str) -> None:
    with pytest.raises(TaskError, match=r"^proposer 'llm': ") as told:
        endpoint(**options)
    assert says in str(told.value)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(TaskError, match="ANTHROPIC_API_KEY is not set"):
        endpoint({}, model="anthropic:claude-haiku-4-5")
    with pytest.raises(TaskError, match="MY_KEY is not set"):
        endpoint(model="openai:x", key="MY_KEY")


@pytest.mark.parametrize(
    "options",
    [
        {"model": "openai:x", "key": KEY},
        {"model": f"local:http://me:{KEY}@127.0.0.1/v1"},
        {"model": f"local:http://127.0.0.1/v1?api_key={KEY}"},
        {"model": "openai:x", "base_url": f"https://me:{KEY}@example.org"},
    ],
)
def test_a_key_in_the_task_is_refused_and_not_repeated(options: dict[str, Any]) -> None:
    with pytest.raises(TaskError) as told:
        endpoint(**options)
    assert KEY not in str(told.value)


def test_a_key_is_not_in_what_an_endpoint_looks_like() -> None:
    assert KEY not in repr(endpoint(model="openai:x"))


def test_a_key_with_a_line_in_it_is_no_key() -> None:
    assert endpoint({"OPENAI_API_KEY": f"{KEY}\n"}, model="openai:x").key == KEY
    with pytest.raises(TaskError, match="is no key") as told:
        endpoint({"OPENAI_API_KEY": f"{KEY}\nAnd-Another: header"}, model="openai:x")
    assert KEY not in str(told.value)


def test_a_budget_needs_prices() -> None:
    with pytest.raises(TaskError, match="cannot be kept without knowing what openai:mine costs"):
        endpoint(usd=5.0, model="openai:mine")
    assert endpoint(model="openai:mine").price is None
    own = endpoint(usd=5.0, model="openai:mine", price_in=1, price_out=2)
    assert own.price == Price(input=1, output=2)
    with pytest.raises(TaskError, match="such long prompts"):
        endpoint(usd=5.0, model="anthropic:claude-haiku-5-5", window=500_000)


@given(st.text())
def test_no_estimate_is_above_the_bound(text: str) -> None:
    assert 1 <= estimate(text) <= at_most([{"content": text}])


def test_a_client_that_is_not_installed_is_named_with_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    with pytest.raises(TaskError, match=r"needs the package anthropic.*move37\[llm\]"):
        need_client(endpoint(model="anthropic:claude-haiku-4-5"))
