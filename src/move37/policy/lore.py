"""What the studies of one user tell each other: effects of changes by their traits, under hidden names.

Each study writes one file of its own, at once and as a whole, so that any number may write at the same time.
No code is in it, no name and no path: traits are keyed hashes, with a key that never leaves the
directory, which is the user's alone. Effects are in units of their study's own scale. A file
that cannot be read is left out, and said to be.
"""

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from typing import Any, cast

from move37.policy.policy import SHARED, Lesson, Policy

KEY = "key"
ENDING = ".lessons.json"
MOST_FILES = 6
"""The latest are read."""
MOST_LESSONS = 16
"""Of each study: its latest."""
LEAST_LESSONS = 8
"""A study that has seen less tells nothing."""
_MOST_BYTES = 1_000_000
_VERSION = 1
_MOST_EFFECT = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What was read, and what could not be, in sentences."""

    lessons: tuple[Lesson, ...] = ()
    complaints: tuple[str, ...] = ()


class Lore:
    """The directory. Nothing here raises for what lies in it or for a disk that says no."""

    def __init__(self, directory: Path, root: Path) -> None:
        """root: of the study."""
        self.directory = directory
        self._key = _key(directory)
        self._study = self._hash(str(root))

    @property
    def works(self) -> bool:
        """Whether the directory can be used at all."""
        return bool(self._key)

    def hide(self, trait: str) -> str:
        """A trait's type, and its hash: equal for the same trait in all studies of this user."""
        type_, _, name = trait.partition(":")
        return f"{type_}:{self._hash(name)}" if name else trait

    def _hash(self, text: str) -> str:
        data = text.encode("utf-8", "surrogateescape")
        return blake2b(data, key=self._key, digest_size=8).hexdigest()

    def read(self) -> Told:
        """The lessons of the user's other studies."""
        lessons: list[Lesson] = []
        complaints: list[str] = []
        others = [path for path in self._files() if path.name != self._study + ENDING]
        for number, path in enumerate(others[:MOST_FILES], start=1):
            try:
                lessons += parse(_read(path), number)
            except (OSError, ValueError) as error:
                complaints.append(
                    f"{path} is left out of what other studies have learned ({error}); remove it"
                )
        return Told(lessons=tuple(lessons), complaints=tuple(complaints))

    def _files(self) -> Sequence[Path]:
        """The latest first."""
        found: list[tuple[float, str, Path]] = []
        try:
            for path in self.directory.iterdir():
                if path.name.endswith(ENDING):
                    found.append((-path.lstat().st_mtime, path.name, path))
        except OSError:
            return []
        return [path for _, _, path in sorted(found)]

    def write(self, policy: Policy) -> str:
        """Tell what this study has learned. Returns why not, in a sentence, or nothing."""
        lessons = lessons_of(policy, self.hide)
        if len(lessons) < LEAST_LESSONS or not self.works:
            return ""
        return write(self.directory / (self._study + ENDING), dump(lessons))


def lessons_of(policy: Policy, hide: Callable[[str], str]) -> Sequence[Lesson]:
    """The latest changes of a study, their traits hidden and their effects in its own units."""
    return [
        Lesson(
            study=1,
            features={
                hide(trait): amount
                for trait, amount in features.items()
                if trait.partition(":")[0] in SHARED
            },
            effect=None if effect is None else _bounded(effect),
            variance=min(variance, _MOST_EFFECT**2),
        )
        for features, effect, variance in policy.told[-MOST_LESSONS:]
    ]


def dump(lessons: Iterable[Lesson]) -> str:
    """One study's lessons, on one line."""
    rows = [[dict(one.features), one.effect, one.variance] for one in lessons]
    return json.dumps({"version": _VERSION, "lessons": rows}, allow_nan=False)


def write(path: Path, text: str) -> str:
    """Write a file as a whole. Returns why not, in a sentence, or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".lessons-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, path)  # noqa: PTH105 (a name, no path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        return f"what was learned could not be kept in {path} ({error.strerror})"
    return ""


def parse(text: str, study: int) -> list[Lesson]:
    """Read one study's lessons. Raises `ValueError` for anything that `dump` would not have said."""
    try:
        found: Any = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no lessons")  # noqa: TRY004 (of a file, not of a caller)
    document = cast("dict[str, Any]", found)
    if document.get("version") != _VERSION:
        raise ValueError(f"its version is not {_VERSION}")
    rows = document.get("lessons")
    if not isinstance(rows, list):
        raise ValueError("it holds no lessons")  # noqa: TRY004
    return [_lesson(row, study) for row in cast("list[Any]", rows)[-MOST_LESSONS:]]


def _lesson(row: Any, study: int) -> Lesson:
    parts = cast("list[Any]", row) if isinstance(row, list) else []
    if len(parts) != 3 or not isinstance(parts[0], dict):
        raise ValueError("one of its lessons is none")
    named, effect, variance = cast("dict[str, Any]", parts[0]), parts[1], parts[2]
    if len(named) > 64 or not all(map(_is_number, named.values())):
        raise ValueError("one of its lessons has odd traits")
    if not _is_number(variance) or variance < 0 or not (effect is None or _is_number(effect)):
        raise ValueError("one of its lessons has an odd effect")
    return Lesson(
        study=study,
        features={str(name)[:80]: _bounded(amount) for name, amount in named.items()},
        effect=None if effect is None else _bounded(effect),
        variance=min(float(variance), _MOST_EFFECT**2),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300 and isfinite(value)


def _bounded(value: float) -> float:
    return min(max(float(value), -_MOST_EFFECT), _MOST_EFFECT)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError("it is too large")
    return data.decode("utf-8")


def _key(directory: Path) -> bytes:
    """The user's own key, made when there is none; empty when there can be none."""
    path = directory / KEY
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            handle, name = tempfile.mkstemp(dir=directory, prefix=".key-")
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            try:
                os.link(name, path)
            except FileExistsError:
                pass
            finally:
                Path(name).unlink(missing_ok=True)
        key = path.read_bytes()
    except OSError:
        return b""
    return key if len(key) == 32 else b""
