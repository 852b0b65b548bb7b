"""Facts as JSON, and back exactly as they were. Knows nothing of where the JSON is kept.

An outcome is written under the name of its case, `{"measured": {…}}`, `{"failed": {…}}` or
`{"screened": {…}}`; everything
else stands as in `move37.core.facts`. What would not come back equal is refused when it is written.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from struct import pack
from typing import Any

import msgspec

from move37.core.errors import StudyError
from move37.core.facts import (
    FACTS,
    Claimed,
    EpochStarted,
    Fact,
    Posted,
    Retracted,
    SessionEnded,
    SessionStarted,
    Steered,
    Submitted,
    Tried,
)
from move37.core.records import Failed, Measured, Outcome, Purpose, Screened, Trial


class _Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    measured: Measured | None = None
    failed: Failed | None = None
    screened: Screened | None = None
    not_finite: dict[str, str] = {}
    """JSON has no infinities: side metrics that are none or infinite stand here, by `repr`."""


class _Trial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    purpose: Purpose
    index: int
    seed: int
    outcome: _Outcome
    paired_with: int | None = None
    reference: float | None = None
    paired_error: float | None = None


class _Tried(msgspec.Struct, frozen=True, kw_only=True):
    experiment: int
    trial: _Trial


_DECODERS = {
    fact.__name__: msgspec.json.Decoder(_Tried if fact is Tried else fact) for fact in FACTS
}


def kind_of(fact: Fact) -> str:
    """The name a fact is filed under."""
    return type(fact).__name__


def experiment_of(fact: Fact) -> int | None:
    """The experiment a fact is about, if it is about one."""
    match fact:
        case EpochStarted():
            return fact.baseline
        case SessionStarted() | SessionEnded() | Submitted() | Posted() | Retracted() | Claimed():
            return None
        case Steered():
            return None  # many are about none, and all are read together
        case _:
            return fact.experiment


def encode(fact: Fact) -> bytes:
    """Return the fact as JSON.

    Raises `ValueError` for what JSON would silently change, such as a tuple in `detail` (it would come
    back as a list, and a resumed study would differ from one that never stopped) or a NaN.
    """
    wire = _to_wire(fact)
    body = _ENCODER.encode(wire)
    try:
        same = _DECODERS[kind_of(fact)].decode(body) == wire
    except msgspec.DecodeError as error:
        raise ValueError(f"this fact cannot be kept as JSON: {error}: {fact!r}") from error
    if not same:
        raise ValueError(f"this fact would come back from JSON changed: {fact!r}")
    return body


def decode(kind: str, body: bytes | str) -> Fact:
    """The inverse of `encode`. Raises `StudyError` when it is not a fact that this version knows."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise StudyError(f"no fact is called {kind!r}; there are {', '.join(_DECODERS)}")
    try:
        return _from_wire(decoder.decode(body))
    except msgspec.DecodeError as error:
        raise StudyError(f"this is no {kind}: {error}") from error


def chain(previous: bytes, seq: int, at: float, kind: str, body: bytes) -> bytes:
    """The digest of a row: of the one before it, and of all that the row says."""
    name = kind.encode()
    return sha256(
        previous + pack(">qdI", seq, at, len(name)) + name + body, usedforsecurity=False
    ).digest()


def _to_wire(fact: Fact) -> Fact | _Tried:
    if not isinstance(fact, Tried):
        return fact
    trial = fact.trial
    return _Tried(
        experiment=fact.experiment,
        trial=_Trial(
            purpose=trial.purpose,
            index=trial.index,
            seed=trial.seed,
            outcome=_outcome_to_wire(trial.outcome),
            paired_with=trial.paired_with,
            reference=trial.reference,
            paired_error=trial.paired_error,
        ),
    )


def _outcome_to_wire(outcome: Outcome) -> _Outcome:
    if isinstance(outcome, Failed):
        return _Outcome(failed=outcome)
    if isinstance(outcome, Screened):
        return _Outcome(screened=outcome)
    if all(map(math.isfinite, outcome.metrics.values())):
        return _Outcome(measured=outcome)
    finite = {name: value for name, value in outcome.metrics.items() if math.isfinite(value)}
    rest = {
        name: repr(float(value)) for name, value in outcome.metrics.items() if name not in finite
    }
    return _Outcome(measured=replace(outcome, metrics=finite), not_finite=rest)


def _from_wire(wire: Fact | _Tried) -> Fact:
    if not isinstance(wire, _Tried):
        return wire
    trial = wire.trial
    return Tried(
        experiment=wire.experiment,
        trial=Trial(
            purpose=trial.purpose,
            index=trial.index,
            seed=trial.seed,
            outcome=_outcome_from_wire(trial.outcome),
            paired_with=trial.paired_with,
            reference=trial.reference,
            paired_error=trial.paired_error,
        ),
    )


def _outcome_from_wire(wire: _Outcome) -> Outcome:
    cases = [case for case in (wire.measured, wire.failed, wire.screened) if case is not None]
    if len(cases) != 1:
        raise StudyError("an outcome must be either measured or failed or screened")
    if wire.measured is None:
        return cases[0]
    if wire.not_finite:
        return replace(wire.measured, metrics=_metrics(wire.measured.metrics, wire.not_finite))
    return wire.measured


def _metrics(finite: Mapping[str, float], rest: Mapping[str, str]) -> dict[str, float]:
    return {**finite, **{name: float(value) for name, value in rest.items()}}


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's, without importing numpy."""
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a fact cannot hold a {type(value).__name__}: {value!r}")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
