"""`move37:` comments: what a person says about the constants of a line.

`# move37: 0.1..10 log` gives a range, `# move37: a|b|c` the choices, `# move37: off` forbids.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from move37.core.errors import TaskError
from move37.proposers.source.domains import Domain
from move37.proposers.source.spelling import read_number

HELP = (
    "write a range such as `0.1..10 log`, `16..1024 pow2` or `int 1..8`, "
    "choices such as `a|b|c`, or `off` and `on`"
)

_MARK = re.compile(r"(?:#|//|/\*)\s*move37:\s*(.*?)\s*(?:\*/)?\s*$", re.DOTALL)
_SCALES = ("log", "linear", "pow2", "logit")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of the file, and where it stands."""

    row: int
    """Counts from 0."""
    alone: bool
    """Nothing else is on its line."""
    text: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What the comments of a file say, by row (from 0)."""

    domains: Mapping[int, Domain] = field(default_factory=dict[int, Domain])
    off: frozenset[int] = frozenset()

    def is_off(self, first: int, last: int) -> bool:
        return any(row in self.off for row in range(first, last + 1)) if self.off else False


def read_hints(path: str, comments: Iterable[Comment], rows: int) -> Hints:
    """Read the comments of a file of so many rows.

    A comment behind code is about its line; alone on a line, `off` holds until `on` or the end of
    the file, and a range or choices are about the next line. Raises `TaskError` for a comment that
    begins with `move37:` and says none of these.
    """
    domains: dict[int, Domain] = {}
    off: set[int] = set()
    since: int | None = None
    for comment in comments:
        match = _MARK.match(comment.text)
        if match is None:
            continue
        said = match[1]
        if said == "off" and comment.alone:
            since = comment.row if since is None else since
        elif said == "off":
            off.add(comment.row)
        elif said == "on":
            off.update(range(since, comment.row) if since is not None else ())
            since = None
        else:
            row = comment.row + 1 if comment.alone else comment.row
            domains[row] = _domain(said, f"{path}, line {comment.row + 1}")
    if since is not None:
        off.update(range(since, rows))
    return Hints(domains, frozenset(off))


def _domain(said: str, where: str) -> Domain:
    if "|" in said:
        options = tuple(option.strip().strip("'\"") for option in said.split("|"))
        if not all(options) or len(set(options)) < len(options):
            raise TaskError(f"{where}: the choices {said!r} are empty or repeat themselves; {HELP}")
        return Domain("choice", options=options)
    ranges: list[tuple[float, float]] = []
    scales: list[str] = []
    integer = False
    for word in said.split():
        low, dots, high = word.partition("..")
        bounds = (read_number(low), read_number(high))
        if dots and bounds[0] is not None and bounds[1] is not None:
            ranges.append((bounds[0].value, bounds[1].value))
        elif word in _SCALES:
            scales.append(word)
        elif word == "int":
            integer = True
        else:
            raise TaskError(f"{where}: cannot read {word!r} in the hint {said!r}; {HELP}")
    if len(ranges) != 1 or len(scales) > 1:
        raise TaskError(f"{where}: cannot read the hint {said!r}; {HELP}")
    return _range(ranges[0], scales[0] if scales else "", integer, where)


def _range(bounds: tuple[float, float], scale: str, integer: bool, where: str) -> Domain:
    low, high = bounds
    if not low < high:
        raise TaskError(f"{where}: the range {low:g}..{high:g} is empty; {HELP}")
    if scale in ("log", "pow2") and low <= 0:
        raise TaskError(f"{where}: a {scale} range must begin above 0, not at {low:g}; {HELP}")
    match scale:
        case "log":
            unit = min(3.0, (high / low) ** 0.25)
            return Domain("log", low, high, integer, unit)
        case "pow2":
            return Domain("pow2", low, high, integer=True)
        case "logit":
            if low < 0 or high > 1:
                raise TaskError(f"{where}: a logit range lies within 0..1; {HELP}")
            return Domain("logit", max(low, 1e-9), min(high, 1 - 1e-9), unit=3.0)
        case _:
            step = (high - low) / 6
            return Domain("linear", low, high, integer, max(1.0, round(step)) if integer else step)
