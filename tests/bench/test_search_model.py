"""The scripted proposer: it finds the program in every engine's kind of prompt, and answers as is asked."""

import json
from collections import Counter
from random import Random

import pytest

from move37.bench.search_model import (
    NoProgram,
    ScriptedModel,
    answer,
    find_program,
    ideas,
    mutate,
)
from move37.bench.search_tasks import MARKS, TASKS

TASK = TASKS["rastrigin"]
OTHER = TASK.program.replace("x0 = ", "x0 = 9")
FENCE = "```python\n{}\n```"


def block(program: str) -> str:
    return program.split(MARKS[0] + "\n")[1].split(MARKS[1])[0]


PROMPTS = {
    # Others first, then the current one, then an example of the form, as OpenEvolve and SkyDiscover do.
    "diff, others first": [
        "You improve code.",
        f"# Current Program Information\n- Fitness: 0.1\n\n## Top Programs\n{FENCE.format(OTHER)}\n\n"
        f"# Current Program\n{FENCE.format(TASK.program)}\n\n# Task\nUse SEARCH/REPLACE:\n"
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\nEach must match the current program.",
    ],
    # The current one between others, as ShinkaEvolve does for a crossover, and all anew.
    "whole, in the middle": [
        "Answer with <NAME>, <DESCRIPTION> and <CODE>.",
        f"# Prior programs\n{FENCE.format(OTHER)}\n# Current program\nThis is the current program:\n"
        f"{FENCE.format(TASK.program)}\n# Crossover Inspiration\n{FENCE.format(OTHER)}",
    ],
    # ShinkaEvolve's diff.
    "diff with tags": [
        "Answer with <NAME>, <DESCRIPTION> and <DIFF>: SEARCH/REPLACE.",
        f"# Current program\n{FENCE.format(TASK.program)}",
    ],
    # Ours: others as diffs, whose context lines hold the marks.
    "ours": [
        "[data 12: x3, as a diff from the parent]\n"
        f" {MARKS[0]}\n-x0 = 1.0\n+x0 = 2.0\n {MARKS[1]}\n[/data 12]\n"
        f'# The parent program: what your change is made to\n[data 12: file "program.py"]\n'
        f"{TASK.program}[/data 12]\nHYPOTHESIS: one sentence\nSEARCH/REPLACE",
    ],
}


@pytest.mark.parametrize("texts", PROMPTS.values(), ids=list(PROMPTS))
def test_it_finds_the_current_program_among_others(texts: list[str]) -> None:
    assert find_program(texts) == block(TASK.program)


def test_a_prompt_without_a_program_is_said_to_be_one() -> None:
    with pytest.raises(NoProgram):
        find_program(["Which lessons do you draw?"])
    model = ScriptedModel(TASK, 0)
    assert model.say(["Which lessons do you draw?"])
    assert model.others == 1


def test_strategies_are_told_as_json_and_hold_no_program() -> None:
    model = ScriptedModel(TASK, 0)
    said = model.say([f"Return ONLY a JSON array.\n# Current Best Program\n{TASK.program}"])
    assert said == ideas()
    assert len(json.loads(said)) == 3


def test_it_answers_in_the_form_that_is_asked_for() -> None:
    answers = {name: answer(TASK, texts, Random(1)) for name, texts in PROMPTS.items()}
    assert "<<<<<<< SEARCH\nx" in answers["diff, others first"]
    assert "program.py" not in answers["diff, others first"]
    assert "<CODE>\n```python\n" in answers["whole, in the middle"]
    assert "SEARCH" not in answers["whole, in the middle"]
    assert "<DIFF>\n<<<<<<< SEARCH" in answers["diff with tags"]
    assert "HYPOTHESIS: " in answers["ours"]
    assert "\nprogram.py\n<<<<<<< SEARCH" in answers["ours"]


def test_every_engine_gets_the_same_mutation_of_the_same_program() -> None:
    edit = mutate(TASK, block(TASK.program), Random(5))
    new = [
        line
        for line in edit.apply(TASK.program).splitlines()
        if line not in TASK.program.splitlines()
    ]
    for texts in PROMPTS.values():
        said = answer(TASK, texts, Random(5))
        assert all(line in said.splitlines() for line in new)


def test_a_whole_answer_is_the_program_with_the_change() -> None:
    said = answer(TASK, PROMPTS["whole, in the middle"], Random(7))
    program = said.split("```python\n")[1].split("```")[0]
    changed = [
        (old, new)
        for old, new in zip(TASK.program.splitlines(), program.splitlines(), strict=True)
        if old != new
    ]
    assert 1 <= len(changed) <= 2
    assert TASK.truth(program) != TASK.truth(TASK.program)


@pytest.mark.parametrize("name", TASKS)
def test_a_mutation_changes_something_and_stays_in_range(name: str) -> None:
    task, chance = TASKS[name], Random(2)
    program = task.program
    for _ in range(300):
        edit = mutate(task, program, chance)
        assert edit.old != edit.new
        program = edit.apply(program)
        task_values = dict(line.split(" = ") for line in program.splitlines() if " = " in line)
        for knob, limits in task.knobs.items():
            assert limits.low - 1e-3 <= float(task_values[knob]) <= limits.high + 1e-3


def test_most_mutations_are_small_and_of_one_constant() -> None:
    chance, counts = Random(0), Counter[int]()
    small = 0
    for _ in range(2000):
        edit = mutate(TASK, TASK.program, chance)
        counts[len(edit.new)] += 1
        small += all(
            abs(float(edit.new[n].split(" = ")[1]) - float(edit.old[n].split(" = ")[1])) < 0.9
            for n in edit.new
        )
    assert counts[1] > 1700
    assert counts[2] > 100
    assert 1600 < small < 1990


def test_switches_are_flipped_now_and_then_one_at_a_time() -> None:
    task, chance = TASKS["deceptive"], Random(0)
    edits = [mutate(task, task.program, chance) for _ in range(2000)]
    flips = [edit for edit in edits if set(edit.new) & set(task.switches)]
    assert 100 < len(flips) < 240
    assert all(len(edit.new) == 1 for edit in flips)
