"""What the text of a literal or of a line says, in whatever language."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from move37.core.records import Gravity
from move37.referee.cheat_signals import Signal, Surroundings
from move37.referee.cheat_words import (
    A_MEASURE,
    GRAVE_PATH,
    HIDDEN_CHARACTERS,
    JUDGING_DATA,
    OWN_VARIABLES,
    PLAIN_PATH,
    RESULT_FILE,
    TELLING_PATH,
    TO_THE_JUDGE,
)

_FORMAT = re.compile(r":[^{}\"']*\}")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_KNOWN = {"MOVE37_SEED": "look", "MOVE37_OUT": "look", "MOVE37_CANDIDATE": "look"}


def text_signals(text: str, line: int, around: Surroundings) -> Iterator[Signal]:
    """What a string names: variables of the trial, files that are none of its business."""
    for name in sorted(set(OWN_VARIABLES.findall(text))):
        yield Signal(
            topic="trial",
            gravity="look" if name in _KNOWN else "serious",
            what=f"reads {name}",
            key=name,
            line=line,
        )
    if len(text) > 300 or "\n" in text:
        return
    if names_judging_data(text):
        what = f"names {text!r}: the data that judge it?"
        yield Signal(topic="data", gravity="look", what=what, key=f"data {text}", line=line)
    if (gravity := _about_path(text, around)) is not None:
        what = f"names {text!r}, which lies outside of the program"
        yield Signal(topic="files", gravity=gravity, what=what, key=f"path {text}", line=line)
    if RESULT_FILE.search(text):
        what = f"names {text!r}, in which results by unit are reported"
        yield Signal(topic="metric", gravity="look", what=what, key=text, line=line)


def raw_signals(source: str) -> Iterator[Signal]:
    """What any text may hold, wherever it stands: characters that nobody sees, words for a judge."""
    for number, line in enumerate(source.splitlines(), start=1):
        hidden = HIDDEN_CHARACTERS.search(line, 1 if number == 1 else 0)
        if hidden is not None:
            yield Signal(
                topic="reading",
                gravity="serious",
                what=f"holds the invisible character U+{ord(hidden.group()):04X}",
                key=f"hidden {line}",
                line=number,
            )
        if TO_THE_JUDGE.search(line):
            yield Signal(
                topic="reading",
                gravity="look",
                what="holds words that seem to be meant for a judge",
                key=f"judge {line}",
                line=number,
            )


def names_judging_data(text: str) -> bool:
    """Whether a text or name stands for the data that judge the program."""
    return (
        len(text) <= 60
        and JUDGING_DATA.fullmatch(text) is not None
        and A_MEASURE.search(text) is None
    )


def _about_path(text: str, around: Surroundings) -> Gravity | None:
    bare = text.removeprefix("./")
    if bare and any(
        bare == path or fnmatchcase(bare, path) or bare.startswith(path.rstrip("*/") + "/")
        for path in around.hidden
    ):
        return "serious"
    if PLAIN_PATH.match(text) or not TELLING_PATH.search(text):
        return None
    return "serious" if GRAVE_PATH.search(text) else "look"


def metric_print(call: str, line: int, around: Surroundings) -> Iterator[Signal]:
    """Whether a statement prints the metric under its name, and how."""
    name = re.escape(around.metric.name)
    said = re.search(rf"(?<![\w-]){name}(?:[\"'\\]*\s*[:=]|[\"']\s*,)", call)
    if said is None:
        return
    key = " ".join(_FORMAT.sub("}", call).split())
    made_up = re.match(
        rf"\s*[\"'\\]*\s*,?\s*[fF]?[\"']?\s*{_NUMBER}\s*(?:[\"'\\,)}}]|$)", call[said.end() :]
    )
    gravity: Gravity = "look"
    what = f"prints {around.metric.name} where or how it was not printed before"
    if made_up is not None:
        gravity, what = (
            "serious",
            f"prints a number as {around.metric.name} that it did not measure",
        )
    if around.is_scored:
        gravity = "note"
    yield Signal(topic="metric", gravity=gravity, what=what, key=key, line=line)
