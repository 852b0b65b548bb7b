"""Whose programs have their numbers tuned: what `polish` in a `[[proposer]]` table says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from move37.core.errors import TaskError
from move37.core.records import QUEUE, ProposerSpec

POLISH = "polish"
SHARE = 0.3
"""At most so much of the experiments goes on polishing what one proposer wrote."""
TUNER = "tune"
WRITERS = frozenset({"llm", "agent"})
"""They write structure, so a tuner is added for their numbers where the task names none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolishPlan:
    specs: tuple[ProposerSpec, ...]
    """Of all proposers, without `polish`, the added tuner last."""
    shares: Mapping[str, float]
    """By name of the proposer, the share of the experiments that may go on polishing its programs."""
    added: str | None
    """The name of the tuner that polishes and does nothing else. `None`: the task has one, or needs none."""


def plan_polishing(specs: Sequence[ProposerSpec]) -> PolishPlan:
    """Read `polish` from the tables. Raises `TaskError` when it is no share."""
    names = proposer_names(specs)
    shares = {
        name: _share(spec) for name, spec in zip(names, specs, strict=True) if spec.kind != TUNER
    }
    has_tuner = any(spec.kind == TUNER for spec in specs)
    wanted = any(
        shares[name] > 0 for name, spec in zip(names, specs, strict=True) if spec.kind in WRITERS
    )
    added = wanted and not has_tuner
    if not has_tuner and not added:
        shares = {}
    elif shares:
        shares.setdefault(QUEUE, max(shares.values()))
    tuner = (ProposerSpec(kind=TUNER),) if added else ()
    return PolishPlan(
        specs=(*map(_without, specs), *tuner), shares=shares, added=TUNER if added else None
    )


def proposer_names(specs: Sequence[ProposerSpec]) -> Sequence[str]:
    """Proposers by name: their kind, numbered from the second of a kind on. Raises `TaskError`."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for spec in specs:
        seen[spec.kind] = count = seen.get(spec.kind, 0) + 1
        if spec.kind == QUEUE and count > 1:
            raise TaskError("there are two proposers of kind 'queue'; one serves everybody")
        names.append(spec.kind if count == 1 else f"{spec.kind}-{count}")
    return names


def _share(spec: ProposerSpec) -> float:
    share = spec.options.get(POLISH, SHARE)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise TaskError(
            f"proposer {spec.kind!r}: polish must be 0 to 1, the share of the experiments that may go on "
            f"tuning the numbers of its programs, not {share!r}; 0 switches it off"
        )
    return float(share)


def _without(spec: ProposerSpec) -> ProposerSpec:
    if spec.kind == TUNER or POLISH not in spec.options:
        return spec
    options = {key: value for key, value in spec.options.items() if key != POLISH}
    return replace(spec, options=options)
