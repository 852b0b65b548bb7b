"""The scripted proposer of `bench search` and `bench peers`: a model that mutates the program it is shown.

It reads nothing in a prompt but the current program and the form of answer that is wanted, so that no engine
can tell it more than another does; and it draws all mutations from one distribution.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from threading import Lock

from move37.bench.search_tasks import MARKS, PROGRAM, BenchTask, Knob, show

SWITCHES, LARGE, TWO, ANYWHERE = 0.08, 0.12, 0.08, 0.05
"""Shares of mutations, where there are switches: that flip one; that take a large step; that change two
constants; that put one anywhere in its range, which does harm mostly. The rest are small steps."""
LARGE_STEPS = 4.0

_BLOCK = re.compile(
    rf"^{re.escape(MARKS[0])}\n(.*?)^{re.escape(MARKS[1])}", re.DOTALL | re.MULTILINE
)
_CURRENT = re.compile(r"(?:current|parent) program\b(?! information)", re.IGNORECASE)
_IDEAS = "JSON array"
_LINE = re.compile(r"^([a-z_][a-z0-9_]*) = (\S.*)$", re.MULTILINE)


class NoProgram(ValueError):
    """A prompt that shows no program: it asks for something else than a change."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines that change, by the name of the constant."""

    old: Mapping[str, str]
    new: Mapping[str, str]

    def apply(self, program: str) -> str:
        for name, line in self.old.items():
            program = _replace_line(program, line, self.new[name])
        return program


def _replace_line(program: str, old: str, new: str) -> str:
    return "\n".join(new if line == old else line for line in program.split("\n"))


def mutate(task: BenchTask, program: str, chance: Random) -> Edit:
    """The next mutation of this program; it changes something."""
    values = dict(_LINE.findall(program))
    while (edit := _drawn(task, values, chance)).old == edit.new:
        pass
    return edit


def _drawn(task: BenchTask, values: Mapping[str, str], chance: Random) -> Edit:
    draw = chance.random()
    if task.switches and draw < SWITCHES:
        name = chance.choice(sorted(task.switches))
        others = [choice for choice in task.switches[name] if f'"{choice}"' != values[name]]
        return _edit(values, {name: f'"{chance.choice(others)}"'})
    draw = chance.random()
    names = chance.sample(sorted(task.knobs), 2)
    if draw < TWO:
        return _edit(
            values, {name: _step(task.knobs[name], values[name], 1.0, chance) for name in names}
        )
    knob, value = task.knobs[names[0]], values[names[0]]
    if draw < TWO + ANYWHERE:
        return _edit(values, {names[0]: show(_anywhere(knob, chance))})
    size = LARGE_STEPS if draw < TWO + ANYWHERE + LARGE else 1.0
    return _edit(values, {names[0]: _step(knob, value, size, chance)})


def _edit(values: Mapping[str, str], new: Mapping[str, str]) -> Edit:
    return Edit(
        {name: f"{name} = {values[name]}" for name in new},
        {name: f"{name} = {value}" for name, value in new.items()},
    )


def _step(knob: Knob, value: str, size: float, chance: Random) -> str:
    by = chance.gauss(0.0, knob.step * size)
    moved = float(value) * math.exp(by) if knob.is_scale else float(value) + by
    return show(min(knob.high, max(knob.low, moved)))


def _anywhere(knob: Knob, chance: Random) -> float:
    share = chance.random()
    if knob.is_scale:
        return knob.low * (knob.high / knob.low) ** share
    return knob.low + share * (knob.high - knob.low)


# --- what it is asked, and what it answers ---------------------------------------------------------


def find_program(texts: Sequence[str]) -> str:
    """The marked block of the program that a prompt calls the current one.

    Prompts show others beside it: it is the first behind the last heading that says "current program", or
    the only one. Raises `NoProgram`.
    """
    text = "\n".join(texts)
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        raise NoProgram("there is no marked program in the prompt")
    headings = [found.end() for found in _CURRENT.finditer(text)]
    for heading in reversed(headings):
        behind = [block for block in blocks if block.start() > heading]
        if behind:
            return behind[0].group(1)
    return blocks[-1].group(1)


def answer(task: BenchTask, texts: Sequence[str], chance: Random) -> str:
    """What the model says to a prompt. Raises `NoProgram` when it is asked for something else."""
    block = find_program(texts)
    edit = mutate(task, block, chance)
    asked = "\n".join(texts)
    whole = "<CODE>" in asked or "SEARCH" not in asked
    body = _whole(task, edit.apply(block)) if whole else _blocks(edit, "HYPOTHESIS" in asked)
    if "<NAME>" not in asked:
        return f"HYPOTHESIS: another value may be better.\nPREDICTED EFFECT: unknown\n\n{body}\n"
    tag = "CODE" if whole else "DIFF"
    return (
        "<NAME>\nanother_value\n</NAME>\n\n<DESCRIPTION>\nAnother value may be better.\n</DESCRIPTION>\n\n"
        f"<{tag}>\n{body}\n</{tag}>\n"
    )


def _whole(task: BenchTask, block: str) -> str:
    before, _, rest = task.program.partition(MARKS[0] + "\n")
    after = rest.partition(MARKS[1])[2]
    program = f"{before}{MARKS[0]}\n{block}{MARKS[1]}{after}"
    return f"```python\n{program}```"


def _blocks(edit: Edit, named: bool) -> str:
    path = f"{PROGRAM}\n" if named else ""
    return "\n\n".join(
        f"{path}<<<<<<< SEARCH\n{old}\n=======\n{edit.new[name]}\n>>>>>>> REPLACE"
        for name, old in edit.old.items()
    )


def ideas() -> str:
    """What it says where an engine wants strategies as JSON: nothing that a change could be made of."""
    told = [
        {
            "idea": f"Change a constant {how}",
            "description": "Choose one constant and change it; keep everything else.",
            "what_to_optimize": "combined_score",
            "cautions": "Change nothing else.",
            "approach_type": f"constants.{how}",
        }
        for how in ("up", "down", "anywhere")
    ]
    return json.dumps(told)


class ScriptedModel:
    """Answers prompts in the order in which they come, from one stream of chance."""

    def __init__(self, task: BenchTask, seed: int) -> None:
        self._task = task
        self._chance = Random(f"{task.name}/{seed}")
        self._lock = Lock()
        self.others = 0
        """Prompts that asked for something else than a change."""

    def say(self, texts: Sequence[str]) -> str:
        with self._lock:
            if _IDEAS in "".join(texts):
                self.others += 1
                return ideas()
            try:
                return answer(self._task, texts, self._chance)
            except NoProgram:
                self.others += 1
                return "I have nothing to add."
