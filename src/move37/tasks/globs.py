"""Which paths a pattern such as `src/**/*.py` means.

Patterns are relative to the task. `*`, `?` and `[a-z]` stay within one name, `**` stands for any
number of directories, a trailing `/` for a directory and everything below it. Case matters; unicode
is compared in its composed form (NFC), because one file name can be spelled in two ways. A path
that is written exactly like the pattern always matches, so that `[id].tsx` can be named.
"""

import re
from dataclasses import dataclass, field
from fnmatch import translate
from unicodedata import normalize

_WILD = re.compile(r"[*?\[]")


class BadGlob(ValueError):
    """The pattern cannot be used; the message is the end of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern, ready to match. Made by `compile_glob`."""

    pattern: str
    """As written."""
    names: tuple[str, ...]
    """Between the slashes, normalised; `**` for any number of directories."""
    is_directory: bool
    """It ended in `/`: it means a directory and all below."""
    _matchers: tuple[re.Pattern[str] | None, ...] = field(repr=False)

    @property
    def is_literal(self) -> bool:
        """It can mean one path only."""
        return not any(_WILD.search(name) for name in self.names)

    @property
    def literal(self) -> str:
        """The path that it spells, if it is read without wildcards."""
        return "/".join(self.names)

    def matches(self, path: str) -> bool:
        """Whether a file of the task (relative, `/`-separated) is meant."""
        names = _names(path)
        if self.is_directory:
            return any(self._fits(names[:end]) for end in range(1, len(names)))
        return self._fits(names)

    def covers(self, path: str, *, is_directory: bool) -> bool:
        """Whether this path itself is meant: a file by a file's pattern, a directory by either."""
        return (is_directory or not self.is_directory) and self._fits(_names(path))

    def may_lead_into(self, directory: str) -> bool:
        """Whether something below this directory can match; `True` when in doubt."""
        for name, (literal, matcher) in zip(
            _names(directory), zip(self.names, self._matchers, strict=True), strict=False
        ):
            if matcher is None:
                return True
            if name != literal and not matcher.match(name):
                return False
        return True

    def _fits(self, names: tuple[str, ...]) -> bool:
        """Match name by name; on a mismatch, let the last `**` take one name more.

        Going back to the last `**` only is enough, as with `*` in a string: O(names · pattern).
        """
        if names == self.names:
            return True
        at = position = 0
        star: int | None = None
        resume = 0
        while at < len(names):
            if position < len(self.names) and self._matchers[position] is None:
                star, resume = position, at
                position += 1
            elif position < len(self.names) and self._one(position, names[at]):
                at += 1
                position += 1
            elif star is not None:
                resume += 1
                at, position = resume, star + 1
            else:
                return False
        return position == len(self.names)

    def _one(self, position: int, name: str) -> bool:
        matcher = self._matchers[position]
        assert matcher is not None
        return name == self.names[position] or matcher.match(name) is not None


def compile_glob(pattern: str) -> Glob:
    """Return the pattern, ready to match. Raises `BadGlob` for one that leaves the task or is empty."""
    text = normalize("NFC", pattern)
    if not text.strip():
        raise BadGlob("is empty")
    if "\\" in text:
        raise BadGlob("has a backslash; separate names by `/`")
    if text.startswith(("/", "~")):
        raise BadGlob("is an absolute path; paths are relative to the task")
    names = [name for name in text.split("/") if name not in ("", ".")]
    if ".." in names:
        raise BadGlob("leads outside the task; name files of the task only")
    for name in names:
        if "**" in name and name != "**":
            raise BadGlob("has `**` beside other characters; write it between slashes: `**/*.py`")
    names = [n for i, n in enumerate(names) if n != "**" or i == 0 or names[i - 1] != "**"]
    is_directory = text.endswith(("/", "/."))
    if not names:  # `.` or `./`: the whole task
        names, is_directory = ["**"], False
    if names[-1] == "**":
        # `a/**` is everything below `a`, not `a` itself: at least one name follows.
        names, is_directory = [*names, "*"], False
    matchers = tuple(None if name == "**" else _compile(name) for name in names)
    return Glob(pattern, tuple(names), is_directory, matchers)


def _compile(name: str) -> re.Pattern[str]:
    """Within one name there are no slashes, so the standard library's `*` is ours."""
    return re.compile(translate(name))


def _names(path: str) -> tuple[str, ...]:
    return tuple(normalize("NFC", path).split("/"))
