"""Reading numbers from what an evaluation printed.

A line counts only when it is nothing but a name and a plain number, so that a log line is never
mistaken for a result. `docs/metrics.md` says the same to people.
"""

import difflib
import json
import math
import re
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from move37.core.records import Failed, Metric

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""ANSI colours, cursor movements and titles (ECMA-48)."""

_NUMBER = (
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)"
)
_LONGEST_NAME = 100
_NAME = rf"[A-Za-z_][A-Za-z0-9_./@%-]{{0,{_LONGEST_NAME - 1}}}"
_PLAIN = re.compile(rf"\s*({_NAME})\s*[:=]\s*({_NUMBER})\s*")
_TAGGED = re.compile(rf"\s*METRIC((?:\s+{_NAME}={_NUMBER})+)\s*")
_PAIR = re.compile(rf"({_NAME})=({_NUMBER})")
LARGEST = 1e100
"""What is larger is no measurement, and its square would be infinite."""
REGEX_SECONDS = 5.0
"""So long a task's own regex may take on one trial's output."""
_SHOWN_LENGTH = 80
_SHOWN_NAMES = 5


def clean(output: str) -> str:
    """The text without colours; a carriage return ends a line, as progress bars use it."""
    return _ESCAPE.sub("", output).replace("\r", "\n")


def parse_metrics(stdout: str) -> dict[str, float]:
    """All numbers that were printed as metrics, in the order they were last printed.

    Known ways: `name: value` and `name = value` alone on a line, `METRIC name=value` (or several),
    and a JSON object on the last line that is not blank, whose numbers count and whose other values
    do not. The last occurrence of a name wins; if that is no number, the name is left out.
    """
    return {name: value for name, value in _scan(clean(stdout)).items() if is_number(value)}


def read_metric(metric: Metric, stdout: str) -> float | Failed:
    """The metric's value in its own unit, or a `Failed("metric")` that says what was printed instead.

    With `metric.regex`, the last match's first group is the number and nothing else is looked at.
    """
    text = clean(stdout)
    if metric.regex is not None:
        return _read_regex(metric.name, metric.regex, text)
    found = _scan(text)
    if metric.name not in found:
        return _failed(_missing(metric.name, text, found))
    return _believable(metric.name, found[metric.name])


def _believable(name: str, value: float) -> float | Failed:
    if is_number(value):
        return value
    return _failed(f"the evaluation prints {_spell(value)} for {name!r}")


def is_number(value: float) -> bool:
    """Whether a value can be a measurement: finite, and not beyond all measure."""
    return abs(value) <= LARGEST


def _scan(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in _printed(text):
        found.pop(name, None)  # so that the order is that of the last occurrences
        found[name] = value
    return found


def _printed(text: str) -> Iterator[tuple[str, float]]:
    """Every metric in the order printed, finite or not."""
    last = ""
    for line in text.splitlines():
        if not line.strip():
            continue
        last = line
        if plain := _PLAIN.fullmatch(line):
            yield plain[1], float(plain[2])
        elif tagged := _TAGGED.fullmatch(line):
            for name, value in _PAIR.findall(tagged[1]):
                yield name, float(value)
    if last.lstrip().startswith("{"):
        yield from _from_json(last)


def _from_json(line: str) -> Iterator[tuple[str, float]]:
    try:
        parsed: object = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(parsed, dict):
        return
    for name, value in parsed.items():  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if isinstance(name, str) and len(name) <= _LONGEST_NAME and name.isprintable():
            yield name, as_float(value)


def as_float(number: int | float) -> float:
    """The number; one too large for a float is infinite, as `1e999` is."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _read_regex(name: str, regex: str, text: str) -> float | Failed:
    try:
        with _bounded(REGEX_SECONDS):
            matches = list(re.finditer(regex, text, re.MULTILINE))
    except TimeoutError:
        return _failed(
            f"the regex {regex!r} takes more than {REGEX_SECONDS:g} s on what the evaluation prints; "
            "write one without a repetition inside a repetition"
        )
    if not matches:
        return _failed(f"nothing that the evaluation prints matches the regex {regex!r}")
    found = matches[-1][1] if matches[-1].re.groups else matches[-1][0]
    if not re.fullmatch(_NUMBER, (found or "").strip()):
        return _failed(f"the regex {regex!r} finds {_shorten(found or '')!r}, which is no number")
    return _believable(name, float(found))


@contextmanager
def _bounded(seconds: float) -> Generator[None]:
    """Raise `TimeoutError` when the block takes longer: a program may print what a regex chokes on.

    By a timer's signal, which only the main thread can take: there, a worker process measures.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _missing(name: str, text: str, found: dict[str, float]) -> str:
    wanted = f"print `{name}: <number>` on a line of its own"
    if not text.strip():
        return f"the evaluation prints nothing; {wanted}"
    if mentions := [line.strip() for line in text.splitlines() if _mentions(name, line)]:
        return (
            f"the evaluation prints {_shorten(mentions[-1])!r}, "
            f"which is not a name and a plain number; {wanted}, or set [metric] regex"
        )
    if not found:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return f"the evaluation prints no {name!r}, and ends with {_shorten(lines[-1])!r}; {wanted}"
    names = ", ".join(_nearest(name, list(found)))
    return f"the evaluation prints no {name!r}, but {names}; {wanted}, or change [metric] name"


def _mentions(name: str, line: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) is not None


def _nearest(name: str, names: list[str]) -> list[str]:
    """A few of the names, those that look like `name` first."""
    by_case = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), list(by_case), n=_SHOWN_NAMES, cutoff=0.5)
    ordered = [*(by_case[other] for other in close), *reversed(names)]
    shown = list(dict.fromkeys(ordered))[:_SHOWN_NAMES]
    more = len(names) - len(shown)
    return [*map(repr, shown), *([f"and {more} more"] if more else [])]


def _spell(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isfinite(value):
        return f"{value:.3g}, which is beyond all measure (1e100),"
    return "infinity" if value > 0 else "minus infinity"


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 3] + "..."


def _failed(reason: str) -> Failed:
    return Failed(stage="metric", reason=reason)
