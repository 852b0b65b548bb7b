"""What passes between move37 and an agent in words: what it is told to do, and what it says in the end.

Also what its output gives away: a key that must not be stored, a place that it has no business with.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from move37.core.records import Task
from move37.proposers.agent.room import HYPOTHESIS

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s")
_MARKUP: Final = "*_`#> "
_LABEL: Final = re.compile(
    r"^[*_`#>\s-]*(hypothesis|predicted effect)[*_`\s]*:[*_`\s]*(.*)$", re.IGNORECASE | re.MULTILINE
)
_NUMBER: Final = re.compile(r"[-+\u2212]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LONGEST: Final = 400
_SECRET: Final = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$")
_SHORTEST_SECRET: Final = 6


def how_to_work(
    task: Task, *, evaluate: str | None, evaluations: int, brief: str, timeout_seconds: float
) -> str:
    """How an agent shall work and answer. evaluate: `None` where it may not run the evaluation."""
    globs = ", ".join(f"`{glob}`" for glob in task.files.edit)
    metric = task.metric
    marked = (
        []
        if task.files.between is None
        else [
            f"- In a file with lines that hold {task.files.between[0]} and {task.files.between[1]}, change only "
            "what stands between these lines; a change of anything else in it is refused as a whole."
        ]
    )
    try_out = (
        "- You cannot run the evaluation here; the engine will, when you are done."
        if evaluate is None
        else f"- `./{evaluate}` runs the evaluation on a copy of your files as they are at that moment and "
        f"prints `{metric.name}`. At most {evaluations} times, and one run may take up to "
        f"{task.evaluate.timeout_seconds:g} seconds. It uses seeds of its own; the engine will measure "
        "again."
    )
    return "\n".join(
        [
            "You work in the current directory, which holds a copy of the parent program.",
            "",
            f"- Change, add or remove only files that match {globs}. What you change elsewhere is thrown away.",
            *marked,
            "- Make one change that follows one idea, complete and working, by editing the files in place.",
            try_out,
            f"- You have {timeout_seconds / 60:.3g} minutes. Nobody answers questions. Background processes "
            "are ended with you.",
            f"- This text is also in `{brief}`, should you need it again.",
            "",
            "End your final message with these two lines:",
            "",
            "HYPOTHESIS: one sentence: what you changed and why it should help",
            f"PREDICTED EFFECT: by how much {metric.name} changes, a signed number in its own unit "
            f"(it is to {metric.direction}), or ? if you cannot say",
            "",
            f"If you cannot write a final message, write them into `{HYPOTHESIS}`.",
        ]
    )


def mend(reason: str) -> str:
    """What is said before the same task, after an answer that could not be used."""
    return (
        f"Your last attempt at the task below could not be used: {reason}. Its files are gone; begin again "
        "from the parent program, and do better.\n\n"
    )


def hypothesis_of(message: str, file: str) -> str:
    """Why it made its change, in its words: as it was asked to say it, or its first sentence."""
    for text in (message, file):
        if label := _labelled(text, "hypothesis"):
            return label
    for text in (file, message):
        if first := _first_sentence(text):
            return first
    return "it did not say why"


def predicted_of(message: str, file: str) -> float | None:
    """By how much it expects the metric to change, in its own unit. `None`: it did not say."""
    for text in (message, file):
        found = _NUMBER.search(_labelled(text, "predicted effect"))
        if found:
            return float(found[0].replace("\u2212", "-"))
    return None


def _labelled(text: str, label: str) -> str:
    """What stands behind a label, the last time that it was used."""
    found = [said for name, said in _LABEL.findall(text) if name.lower() == label]
    return found[-1].strip().strip("*_`")[:_LONGEST].strip() if found else ""


def _first_sentence(text: str) -> str:
    lines = (line.strip().strip(_MARKUP) for line in text.splitlines())
    line = next((line for line in lines if line and not line.startswith("```")), "")
    return _SENTENCE.split(line, maxsplit=1)[0][:_LONGEST].strip()


class Watchwords:
    """Words that an agent has no cause to use, looked for in all that it prints."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = [word.encode(errors="surrogateescape") for word in dict.fromkeys(words)]
        self._found: list[str] = []
        self._rest = b""
        self._keep = max(map(len, self._words), default=1)

    def hear(self, data: bytes) -> None:
        if not self._words:
            return
        text = self._rest + data
        for word in [word for word in self._words if word in text]:
            self._words.remove(word)
            self._found.append(word.decode(errors="backslashreplace"))
        self._rest = text[-self._keep :]

    def found(self) -> list[str]:
        return sorted(self._found)


def watchwords(
    task: Task,
    hidden: Iterable[str],
    environment: Mapping[str, str],
    given: Iterable[str],
    told: str,
) -> Watchwords:
    """Places and keys that are kept from an agent. told: what it was told; words of that are its own."""
    secret = [name for name in environment if _SECRET.search(name) and name not in set(given)]
    places = [f"{task.root}/", ".move37/", ".ssh/", *hidden]
    return Watchwords(word for word in (*places, *secret) if len(word) > 3 and word not in told)


def secrets_of(environment: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    """Values of these variables that must not be stored; the longest first, as one may hold another."""
    values = {environment[name] for name in names if name in environment}
    return tuple(
        sorted((value for value in values if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)
    )


def scrub(text: str, secrets: Iterable[str]) -> str:
    """A text without them."""
    for secret in secrets:
        text = text.replace(secret, "[key]")
    return text
