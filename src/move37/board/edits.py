"""Which experiments made the same edit to different programs, as far as their proposals say."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from move37.core.facts import EpochStarted, Fact, Proposed

_KEPT = 32
"""Experiments with one edit that are remembered, the first ones."""


class Edits:
    """A fold over the current epoch.

    The same: what a model's edits put in, but for names, comments and layout; or the same constants turned
    the same way. Of other proposals nothing is known, and they are the same as no other.
    """

    def __init__(self) -> None:
        self._keys: dict[int, int] = {}
        self._made: dict[int, list[int]] = {}

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._keys.clear()
                self._made.clear()
            case Proposed() if (key := _key(fact)) is not None:
                self._keys[fact.experiment] = key
                made = self._made.setdefault(key, [])
                if len(made) < _KEPT:
                    made.append(fact.experiment)
            case _:
                pass

    def same(self, experiment: int) -> Sequence[int]:
        """Other experiments with this experiment's edit, in order."""
        key = self._keys.get(experiment)
        made = () if key is None else self._made[key]
        return [one for one in made if one != experiment]


def _key(fact: Proposed) -> int | None:
    edit: Any = fact.detail.get("edit")
    said: Any = fact.detail.get("sites")
    if isinstance(edit, dict):
        added, exact = edit.get("added"), edit.get("exact")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        said = [exact, "" if added else edit.get("place")]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not said:
        return None
    text = json.dumps(said, ensure_ascii=True, default=str)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
