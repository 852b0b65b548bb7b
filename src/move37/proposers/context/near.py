"""Remembered failures: whether an edit is, in all that counts, one that came to nothing before.

Called before a proposal is run. What it says goes to people and to whoever proposed, so it holds no word
of a program's output.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from move37.core.errors import StudyError
from move37.core.history import Experiment
from move37.core.protocols import Request
from move37.core.records import Failed, Measured
from move37.proposers.context.memory import Memory, children_of
from move37.proposers.context.modes import lineage
from move37.proposers.context.sketches import (
    Changes,
    Sketch,
    similarity,
    sketch_of,
    word_similarity,
)

ALIKE = 0.9
"""As alike as this, and in the same words, an edit that gained nothing gains nothing again. See the
labelled edits in the tests."""
ALIKE_IF_SAID = 0.75
"""Likewise where the hypotheses say the same; then the words may differ."""
SAID = 0.6
_KIN = 16
_SIBLINGS = 8
_OWN_WORDS = re.compile(
    r"^`?\w+`? (?:exited with status \d+|was killed by \w+|ran over its [\d.]+ s|"
    r"needed more than its [\d.]+ \w+ of memory|wrote more than its [\d.]+ \w+ of files)"
)
_TOO_MUCH = re.compile(r"^`?\w+`? (?:ran over|needed more|wrote more) ")


def too_near(
    request: Request, changes: Changes, *, memory: Memory | None = None, hypothesis: str = ""
) -> str | None:
    """Why these changes to the parent are not worth a trial; `None` when they are.

    memory: of the study. Without one, only the parent's latest children are looked at, as with
    experiments that were proposed without a sketch.
    """
    sketch = sketch_of(request.files, changes)
    if sketch.is_empty:
        return None
    for one, other in _candidates(request, sketch, memory):
        told = _came_of(request, one)
        if told is not None and _is_near(request, one, other, sketch, hypothesis):
            return f"as good as x{one.id}, {told}"
    return None


def _candidates(
    request: Request, sketch: Sketch, memory: Memory | None
) -> Iterator[tuple[Experiment, Sketch]]:
    """Experiments whose edits may be like this one, with their sketches."""
    history, known = request.history, set[int]()
    if memory is not None:
        for id, other in memory.like(sketch):
            known.add(id)
            if id < request.experiment.id:
                yield history[id], other
    siblings = children_of(history, request.parents[0].id, memory)
    unknown = [history[id] for id in siblings if id < request.experiment.id and id not in known]
    for one in [one for one in unknown if _is_over(one)][-_SIBLINGS:]:
        other = None if memory is None else memory.sketch(one.id)
        if other is None and (other := _drawn(request, one)) is not None and memory is not None:
            memory.keep(one.id, other)
        if other is not None:
            yield one, other


def _is_over(one: Experiment) -> bool:
    return one.commit is not None and isinstance(one.outcome, Failed | Measured)


def _drawn(request: Request, one: Experiment) -> Sketch | None:
    """The sketch of an experiment that was proposed without one."""
    try:
        after = request.library.program(one.id)
        before = request.library.program(one.parents[0])
    except StudyError:
        return None
    return sketch_of(before, changes_between(before, after))


def changes_between(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Changes:
    """What makes one program the other."""
    return {
        path: after.get(path)
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }


def _is_near(
    request: Request, one: Experiment, other: Sketch, sketch: Sketch, hypothesis: str
) -> bool:
    alike, outcome = similarity(sketch, other), one.outcome
    if isinstance(outcome, Failed) and not _was_too_much(outcome):
        # What crashed is mended by small changes: only the same again is near.
        return alike > 0 and sketch.exact == other.exact
    if isinstance(outcome, Measured) and not _are_kin(request, one.parents[0]):
        return False
    if word_similarity(hypothesis, one.hypothesis) >= SAID:
        return alike >= ALIKE_IF_SAID
    return alike >= ALIKE and sketch.words == other.words


def _was_too_much(failed: Failed) -> bool:
    """Whether a program did what it should, and only took too much for it."""
    return failed.stage == "limit" or _TOO_MUCH.match(failed.reason) is not None


def _are_kin(request: Request, other: int) -> bool:
    """Whether an edit of that experiment was an edit of one of ours: what it gains elsewhere says little."""
    ours = request.parents[0].id
    return other in _ids(lineage(request, ours, _KIN)) or ours in _ids(
        lineage(request, other, _KIN)
    )


def _ids(experiments: Sequence[Experiment]) -> set[int]:
    return {one.id for one in experiments}


def _came_of(request: Request, one: Experiment) -> str | None:
    """What came of an experiment, if it came to nothing."""
    match one.outcome:
        case Failed() as failed:
            words = _OWN_WORDS.match(failed.reason)
            return f"which failed: {words[0] if words else _STAGES[failed.stage]}"
        case Measured():
            effect = request.beliefs.difference(one.id, one.parents[0])
            if effect is None or effect.mean + effect.sd > request.task.metric.min_effect:
                return None
            size = f"{effect.mean:.3g} ± {effect.sd:.2g}" if effect.sd else f"{effect.mean:.3g}"
            return f"which gained nothing: its effect on the score is believed to be {size}"
        case _:
            return None


_STAGES = {
    "propose": "nothing usable was proposed",
    "sandbox": "it could not be run",
    "run": "its run failed",
    "score": "it could not be scored",
    "metric": "it gave no metric",
    "limit": "it broke a limit",
    "check": "it failed a check",
}
