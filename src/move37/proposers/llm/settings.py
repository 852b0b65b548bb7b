"""What a `[[proposer]]` table of kind `llm` may say, and whom it means."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from urllib.parse import urlsplit

from move37.core.errors import TaskError
from move37.proposers.llm.prices import FREE, Price, known_price, known_window

Provider = Literal["openai", "anthropic", "local"]

_KEYS: Mapping[str, str] = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_URLS: Mapping[str, tuple[str, str]] = {
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
}
_EXAMPLE = (
    'write for example model = "openai:gpt-5-mini", "anthropic:claude-haiku-4-5" or '
    '"local:http://127.0.0.1:8080/v1#name"'
)
_UNKNOWN_WINDOW, _LOCAL_WINDOW = 32_000, 8_000
_USUAL_WINDOW = 100_000
"""Larger prompts are dear, and seldom better; a task may ask for them."""
_USUAL_ANSWER = 16_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LlmSettings:
    """What a `[[proposer]]` table of kind `llm` may say."""

    model: str
    """`openai:NAME`, `anthropic:NAME`, or `local:URL#NAME` for any server that speaks OpenAI's API."""
    at_once: int = 2
    """So many questions may be under way at the same time."""
    timeout: float = 600.0
    """Seconds that one call may take, from the first byte to the last."""
    patience: float = 3600.0
    """Seconds to wait, in all, for a model that says it is busy."""
    max_tokens: int | None = None
    """Of an answer, its reasoning included. `None`: 16,000, or a quarter of a small window."""
    temperature: float | None = None
    """`None`: the model's own."""
    window: int | None = None
    """Tokens of question and answer together. `None`: the model's, as far as it is known, and
    at most 100,000."""
    price_in: float | None = None
    """USD for a million tokens read. `None`: as in our table of prices."""
    price_out: float | None = None
    """USD for a million tokens written."""
    key: str | None = None
    """The name of the environment variable that holds the key."""
    base_url: str | None = None
    """Where the API is. `None`: as the environment says, or the provider's own."""
    posts: bool = True
    """Whether it is told the posts of the board that bear on the parent."""

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> "LlmSettings":
        """Read them from a task. Raises `TaskError` for an unknown key, wrong type or odd value."""
        known = [each.name for each in fields(cls)]
        for key, value in options.items():
            if key not in known:
                raise TaskError(
                    f"proposer 'llm': unknown key {key!r}; the keys are {', '.join(sorted(known))}"
                )
            _check(key, value)
        if "model" not in options:
            raise TaskError(
                "proposer 'llm': no model is named; write [[proposer]] and below it kind = \"llm\", "
                f"and {_EXAMPLE}"
            )
        if ("price_in" in options) != ("price_out" in options):
            raise TaskError("proposer 'llm': write price_in and price_out, both or neither")
        return cls(**options)


_WHOLE = {"at_once": (1, 64), "max_tokens": (16, 1_000_000), "window": (1_000, 100_000_000)}
_NUMBERS = {
    "timeout": (1.0, 86_400.0),
    "patience": (0.0, 604_800.0),
    "temperature": (0.0, 2.0),
    "price_in": (0.0, 1e6),
    "price_out": (0.0, 1e6),
}


def _check(key: str, value: object) -> None:
    if key in _WHOLE:
        low, high = _WHOLE[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise TaskError(
                f"proposer 'llm': {key} must be a whole number, {low} to {high}, not {value!r}"
            )
    elif key in _NUMBERS:
        least, most = _NUMBERS[key]
        number = (
            value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        )
        if not least <= number <= most:
            unit = " of seconds" if key in ("timeout", "patience") else ""
            raise TaskError(
                f"proposer 'llm': {key} must be a number{unit}, {least:g} to {most:g}, not {value!r}"
            )
    elif key == "posts":
        if not isinstance(value, bool):
            raise TaskError(f"proposer 'llm': posts must be true or false, not {value!r}")
    elif key == "key" and not (isinstance(value, str) and _NAME.fullmatch(value)):
        # Not quoted: it may be the key itself.
        raise TaskError(
            "proposer 'llm': key must be the name of an environment variable, such as "
            '"OPENAI_API_KEY", never the key itself'
        )
    elif not isinstance(value, str) or not value.strip():
        raise TaskError(f"proposer 'llm': {key} must be a text, not {value!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Who is asked, and at what price: the settings with all that they leave open."""

    model: str
    """As the task names it."""
    provider: Provider
    name: str
    base_url: str
    key: str = field(repr=False)
    """Empty: none is needed."""
    key_name: str
    """Of the environment variable."""
    price: Price | None
    """`None`: not known."""
    window: int
    max_tokens: int

    @property
    def is_usual(self) -> bool:
        """Whether this is the provider's own address."""
        return self.provider != "local" and self.base_url == _URLS[self.provider][1]


def resolve(
    settings: LlmSettings, environment: Mapping[str, str], *, usd: float | None
) -> Endpoint:
    """Whom the settings mean. Raises `TaskError` where that needs more: a key, a price.

    usd: the budget, if there is one: it can be kept only where prices are known.
    """
    provider, name, url = _parse_model(settings.model)
    if provider == "local":
        if settings.base_url is not None:
            raise TaskError("proposer 'llm': a local model has its URL in `model`, not in base_url")
    else:
        variable, usual = _URLS[provider]
        written = settings.base_url or environment.get(variable, "").strip() or usual
        url = _checked_url(written, f"{variable} or base_url")
    window, max_tokens = _room(settings, provider, name)
    return Endpoint(
        model=settings.model,
        provider=provider,
        name=name,
        base_url=url,
        key=_key(settings, provider, environment),
        key_name=settings.key or _KEYS.get(provider, ""),
        price=_price(settings, provider, name, window, usd),
        window=window,
        max_tokens=max_tokens,
    )


def _parse_model(model: str) -> tuple[Provider, str, str]:
    provider, _, rest = model.partition(":")
    name = rest.strip()
    match provider:
        case "openai" | "anthropic" if name:
            return provider, name, ""
        case "local" if name:
            url, _, name = name.partition("#")
            return provider, name or "default", _checked_url(url, "model")
        case _:
            raise TaskError(f"proposer 'llm': {model!r} names no model; {_EXAMPLE}")


def _checked_url(url: str, where: str) -> str:
    """A URL that can be shown and stored. Quoted only when it holds no secret."""
    try:
        parts = urlsplit(url.strip())
        secret = "@" in parts.netloc or parts.query
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        secret, sound = "@" in url, False
    if secret:
        raise TaskError(
            f"proposer 'llm': the URL in {where} holds a password or a query; write the address alone, "
            "and name the environment variable of a key in `key`"
        )
    if not sound:
        raise TaskError(
            f"proposer 'llm': {url!r} in {where} is no URL; write for example "
            '"http://127.0.0.1:8080/v1"'
        )
    return url.strip().rstrip("/")


def _key(settings: LlmSettings, provider: str, environment: Mapping[str, str]) -> str:
    name = settings.key or _KEYS.get(provider)
    if name is None:
        return ""
    key = environment.get(name, "").strip()
    if not key:
        raise TaskError(
            f"proposer 'llm': {settings.model} needs a key, and the environment variable {name} is not "
            f"set; set it, or name another one with key in the [[proposer]] table"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise TaskError(
            f"proposer 'llm': what the environment variable {name} holds is no key: it has spaces or "
            "characters that no key has"
        )
    return key


def _room(settings: LlmSettings, provider: str, name: str) -> tuple[int, int]:
    """The window, and how much of it an answer may take."""
    unknown = _LOCAL_WINDOW if provider == "local" else _UNKNOWN_WINDOW
    known = known_window(provider, name)
    window = settings.window or min(known or unknown, _USUAL_WINDOW)
    max_tokens = settings.max_tokens or min(_USUAL_ANSWER, window // 4)
    if max_tokens > window * 3 // 4:
        raise TaskError(
            f"proposer 'llm': an answer of max_tokens = {max_tokens} leaves no room for a question in a "
            f"window of {window}; write max_tokens = {window // 4}, or a larger window"
        )
    return window, max_tokens


def _price(
    settings: LlmSettings, provider: str, name: str, window: int, usd: float | None
) -> Price | None:
    if settings.price_in is not None and settings.price_out is not None:
        return Price(input=settings.price_in, output=settings.price_out)
    if provider == "local":
        return FREE
    known = known_price(provider, name)
    longest = known_window(provider, name) or 0
    if known is not None and window <= max(longest, _USUAL_WINDOW):
        return known
    if usd is not None:
        what = f"what {settings.model} costs" if known is None else "what such long prompts cost"
        raise TaskError(
            f"proposer 'llm': a budget of {usd:g} USD cannot be kept without knowing {what}; write "
            "price_in and price_out, in USD for a million tokens"
        )
    return None
