"""What the text of a literal or of a line says, in whatever language."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from move37.core.records import Gravity
from move37.referee.cheat_signals import Signal, Surroundings
from move37.referee.cheat_words import (
    GRAVE_PATH,
    OWN_VARIABLES,
    PLAIN_PATH,
    RESULT_FILE,
    TELLING_PATH,
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
    if (gravity := _about_path(text, around)) is not None:
        what = f"names {text!r}, which lies outside of the program"
        yield Signal(topic="files", gravity=gravity, what=what, key=f"path {text}", line=line)
    if RESULT_FILE.search(text):
        what = f"names {text!r}, in which results by unit are reported"
        yield Signal(topic="metric", gravity="look", what=what, key=text, line=line)


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
