"""What a study takes from the user's other studies, and leaves for them; only where its policy is used."""

import os
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path

from move37.core.records import Task
from move37.policy.lore import Lore, Told, dump, parse, write
from move37.policy.policy import Lesson, Policy

VARIABLE = "MOVE37_REMEMBER"
"""`0`, `no` or `off` in the environment: studies tell each other nothing."""
TAKEN = "lessons.json"
"""In the study: what it took when it began to use its policy. So it goes on as it began, whatever
the others have learned since."""
_OFF = frozenset({"0", "no", "off", "false"})


class Remembering:
    """One study's dealings with the others."""

    def __init__(
        self, task: Task, study: Path, environment: Mapping[str, str] = os.environ
    ) -> None:
        """study: the directory of its facts."""
        self._taken = study / TAKEN
        self.told = Told()
        self._lore: Lore | None = None
        is_off = environment.get(VARIABLE, "").strip().lower() in _OFF
        if not (task.policy.use and task.policy.remember) or is_off:
            return
        try:
            lore = Lore(data_directory(environment) / "policy", task.root)
        except RuntimeError:  # there is no home directory
            return
        if not lore.works:
            told = f"{lore.directory} cannot be used, so nothing is learned from other studies"
            self.told = Told(complaints=(told,))
            return
        self._lore = lore
        self.told = self._before() or lore.read()

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        return self.told.lessons

    @property
    def hide(self) -> Callable[[str], str] | None:
        return None if self._lore is None else self._lore.hide

    def _before(self) -> Told | None:
        """What it took when it began; `None`: it begins now."""
        try:
            text = self._taken.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        lessons: list[Lesson] = []
        try:
            for number, line in enumerate(text.splitlines(), start=1):
                lessons += parse(line, number)
        except ValueError as error:
            return Told(complaints=(f"{self._taken} is left out ({error}); remove it",))
        return Told(lessons=tuple(lessons))

    def keep(self) -> None:
        """Note what was taken, once the study's directory is there."""
        if self._lore is None or self._taken.exists():
            return
        by_study = groupby(self.told.lessons, key=lambda lesson: lesson.study)
        write(self._taken, "".join(f"{dump(lessons)}\n" for _, lessons in by_study))

    def leave(self, policy: Policy) -> str:
        """Tell the others. Returns why not, in a sentence, or nothing."""
        return "" if self._lore is None else self._lore.write(policy)


def data_directory(environment: Mapping[str, str]) -> Path:
    """Where programs of this user keep what is theirs, by the XDG base directories."""
    named = environment.get("XDG_DATA_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".local" / "share"
    return base / "move37"
