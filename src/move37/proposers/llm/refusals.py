"""Errors of servers: what they say, what that asks of us, and how long to wait."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, cast


class Refused(Exception):
    """The server has answered with an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        code: str = "",
        parameter: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        """Of HTTP; 0 for an error in the middle of a stream that names none."""
        self.message = message
        self.headers = headers or {}
        self.code = code
        self.parameter = parameter


def refusal(told: Mapping[str, Any], *, status: int = 0) -> Refused:
    """What an error in a server's own words says."""
    inner: object = told.get("error", told)
    if not isinstance(inner, Mapping):
        return Refused(status, shortened(str(inner)))
    said = cast("Mapping[str, Any]", inner)
    code = said.get("code")
    if not status and isinstance(code, int) and 400 <= code < 600:
        status = code
    names = " ".join(str(said[name]) for name in ("code", "type") if said.get(name) is not None)
    return Refused(
        status,
        shortened(str(said.get("message") or said.get("detail") or "")),
        code=names,
        parameter=str(said.get("param") or ""),
    )


def shortened(text: str) -> str:
    """One line that fits into a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= 400 else f"{line[:400]}…"


# --- what an error means -------------------------------------------------------------------------

Kind = Literal["wait", "again", "spare", "long", "refused", "broken"]
"""Wait until it has time; try again, as it may go better; ask again without a parameter; the question is
too long; it will never answer (a wrong key, an empty account); anything else."""

_BUSY = frozenset({429, 503, 529})
_AGAIN = frozenset({0, 408, 409, 425})
_NEVER = frozenset({401, 402, 403, 404, 405})
_UNPAID = ("insufficient_quota", "billing", "credit balance", "quota exceeded for quota")
_LONG = (
    "context_length_exceeded",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "too many tokens",
    "input is too long",
)


def meaning(refused: Refused) -> Kind:
    """What an error asks of us."""
    said = f"{refused.code} {refused.message}".lower()
    if refused.status in (0, 429, 400, 403) and any(word in said for word in _UNPAID):
        return "refused"
    if refused.status in _BUSY or "overloaded" in said or "rate_limit" in said:
        return "wait"
    if refused.status in _NEVER or "authentication_error" in said:
        return "refused"
    if any(word in said for word in _LONG):
        return "long"
    if refused.status in (400, 413, 422):
        return "spare"
    if refused.status in _AGAIN or refused.status >= 500:
        return "again"
    return "broken"


def to_spare(refused: Refused, without: frozenset[str]) -> frozenset[str]:
    """What to leave out after this refusal, besides what was left out already; empty: nothing."""
    said = f"{refused.parameter} {refused.message}".lower()
    names = {
        "max_completion_tokens": "max_tokens",
        "max_tokens": "max_tokens",
        "stream_options": "stream_options",
        "temperature": "temperature",
        "system": "system",
    }
    for name, spared in names.items():
        if name in said and spared not in without:
            return frozenset({spared})
    if any(name in said for name in names):
        return frozenset()
    # It does not say what it minds: the least that can be asked, then.
    return frozenset({"temperature", "stream_options"}) - without


def wait_seconds(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """How long a server says to wait. `None`: it does not say, or nothing that makes sense."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if (seconds := _number(headers.get(name, ""), unit)) is not None:
            return seconds
    if (date := _date(headers.get("retry-after", ""), now)) is not None:
        return date
    resets = [
        seconds
        for name, value in headers.items()
        if "ratelimit" in name and "reset" in name and _is_spent(headers, name)
        if (seconds := _reset(value, now)) is not None
    ]
    return max(resets, default=None)


def _is_spent(headers: Mapping[str, str], name: str) -> bool:
    """Whether the limit that is reset then is the one that was reached, as far as is said."""
    left = headers.get(name.replace("reset", "remaining"), "0").strip()
    return left in ("0", "0.0")


def _number(text: str, unit: float) -> float | None:
    found = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*", text)
    return float(found[1]) * unit if found else None


_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def _reset(text: str, now: datetime) -> float | None:
    """`6m0s`, `20ms`, `1.5`, or a moment."""
    if (seconds := _number(text, 1.0)) is not None:
        # A large number is a moment, counted from 1970.
        return seconds if seconds < 1e8 else max(0.0, seconds - now.timestamp())
    parts = _PART.findall(text)
    if parts and not _PART.sub("", text).strip():
        return sum(float(count) * _UNITS[unit] for count, unit in parts)
    return _date(text, now)


def _date(text: str, now: datetime) -> float | None:
    readers: Sequence[Callable[[str], datetime]] = (datetime.fromisoformat, parsedate_to_datetime)
    for read in readers:
        try:
            moment = read(text.strip())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=now.tzinfo)
        return max(0.0, (moment - now).total_seconds())
    return None
