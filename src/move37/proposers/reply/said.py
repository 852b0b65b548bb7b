"""What an answer says about its change: why it should help, and by how much."""

import math
import re
from collections.abc import Sequence

_MARK = r"[\s*_#>`\"'{(-]*"
_HYPOTHESIS = re.compile(
    rf"(?i){_MARK}(?:<hypothesis>|hypothesis(?=\W|\Z))[\s*_`\"']*[:=-]*[\s*_`\"']*(.*)\Z"
)
_EFFECT = re.compile(
    rf"(?i){_MARK}(?:<predicted[ _-]effect>|(?:predicted|expected)[ _-]+effect\b)(.*)\Z"
)
_NUMBER = re.compile(
    r"(?<![\w.])([+-]?)\s*((?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%|percent\b|x\b|\u00d7|times\b)?"
)
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})
_LONGEST = 2000


def hypothesis_in(prose: Sequence[str]) -> str:
    """The hypothesis that is stated last; empty where there is none."""
    found = ""
    for at, line in enumerate(prose):
        match = _HYPOTHESIS.match(line[: 2 * _LONGEST])
        if match is not None:
            found = _paragraph(match[1], prose[at + 1 : at + 40]) or found
    return found.encode("utf-8", "replace").decode()[:_LONGEST]


def _paragraph(first: str, following: Sequence[str]) -> str:
    lines = [first]
    for line in following:
        is_end = not line.strip() and any(part.strip() for part in lines)
        if is_end or _EFFECT.match(line) or _HYPOTHESIS.match(line):
            break
        lines.append(line)
        if "</hypothesis>" in line.lower():
            break
    text = " ".join(" ".join(lines).split())
    text = re.split(r"(?i)</hypothesis>|<predicted", text, maxsplit=1)[0]
    return "".join(c for c in text if c.isprintable()).strip().strip("*_`").strip()


def effect_in(prose: Sequence[str]) -> tuple[bool, float | None, str]:
    """Whether an effect is stated, what it is, and a note where it could not be read as it stands."""
    stated = False
    effect: float | None = None
    note = ""
    for at, line in enumerate(prose):
        match = _EFFECT.match(line[:_LONGEST])
        if match is None:
            continue
        said = match[1]
        if not any(c.isalnum() for c in said):
            said = next((each for each in prose[at + 1 : at + 4] if each.strip()), "")[:_LONGEST]
        stated = True
        effect, note = _number(said)
    return stated, effect, note


def _number(said: str) -> tuple[float | None, str]:
    text = re.sub(r"\([^)]*\)", " ", said).translate(_DASHES)
    text = re.sub(r"(?<=[\d.])\s*(?:\.\.+|to|-)\s*(?=[+-]?[\d.])", " to ", text)
    found = list(_NUMBER.finditer(text))
    if not found:
        return None, ""
    if any(number[3] for number in found):
        return None, f"the predicted effect {said.strip()[:60]!r} is no difference of the metric"
    values = [
        float((sign + digits).replace(",", "").replace("_", ""))
        for sign, digits, _ in (n.groups() for n in found)
    ]
    is_range = len(values) == 2 and " to " in text
    if not all(math.isfinite(value) for value in values) or not (len(values) == 1 or is_range):
        return None, f"the predicted effect {said.strip()[:60]!r} is not one number"
    return sum(values) / len(values), "the predicted effect was a range" if is_range else ""
