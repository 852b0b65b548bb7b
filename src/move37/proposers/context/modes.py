"""What kind of change to ask for: the usual one, or another when the study stands still.

A pure function of the history, the beliefs and the experiment's seed. `docs/prompts.md` tells the rule.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

from move37.core.history import Experiment
from move37.core.protocols import Request
from move37.core.records import Failed
from move37.core.seeds import derive_seed
from move37.core.stagnation import stagnation
from move37.proposers.context.memory import Memory, children_of

Mode = Literal["improve", "radical", "merge", "simplify", "references", "fix", "idea"]

_WEIGHTS: tuple[dict[Mode, float], ...] = (
    {"improve": 9, "references": 1},
    {"improve": 6, "merge": 2, "simplify": 1, "references": 2},
    {"improve": 4, "radical": 2, "merge": 2, "simplify": 1, "references": 2},
    {"improve": 2, "radical": 4, "merge": 2, "simplify": 1, "references": 2},
)
"""By stage of stagnation."""

_MENDABLE = frozenset({"run", "score", "metric", "limit", "check"})

TOLD: dict[Mode, str] = {
    "improve": "Propose one change to the parent program that you expect to improve the metric.",
    "radical": (
        "The study stands still: small changes no longer pay. Propose a radically different approach to "
        "the core of the program: another algorithm, model or data structure. Do not turn constants."
    ),
    "merge": (
        "Programs of other branches have gains that this parent lacks; they are shown above. Combine the "
        "parent with those that go together with it, and mend what clashes."
    ),
    "simplify": (
        "The study stands still. Propose a simpler program: take out what does not pay for itself, or "
        "replace something involved by something plain, so that the metric gets better or stays as it is."
    ),
    "references": (
        "The quotes from the user's references above may hold an idea that was not "
        "tried yet. Propose a change that carries one of them over to this program, and name its source."
    ),
    "fix": (
        "The latest change to this parent failed; it is shown above with what it printed. The idea may still "
        "be right: propose it again, to the parent, with the mistake mended. If the idea itself is at fault, "
        "propose a different one."
    ),
    "idea": (
        "The user wants an idea tried; it is under `An idea of the user's` above. Propose the change to the parent "
        "program that carries it out as well as you can, and nothing else."
    ),
}
"""What is asked for, by mode."""


def lineage(request: Request, experiment: int, most: int) -> list[Experiment]:
    """An experiment and its first parents, the newest first, at most so many."""
    found = [request.history[experiment]]
    while len(found) < most and found[-1].parents:
        found.append(request.history[found[-1].parents[0]])
    return found


def to_mend(request: Request, memory: Memory | None) -> Experiment | None:
    """The parent's latest child, if it failed for a reason that can be mended and nobody has tried."""
    history, parent = request.history, request.parents[0].id
    children = [
        history[child]
        for child in children_of(history, parent, memory)
        if child < request.experiment.id
    ]
    if not children or not _is_mendable(children[-1]):
        return None
    # Its elder failed as well: this one was the attempt to mend it, or the place is a bad one.
    return None if len(children) > 1 and _is_mendable(children[-2]) else children[-1]


def _is_mendable(child: Experiment) -> bool:
    failed = child.outcome
    if child.commit is None or not isinstance(failed, Failed) or child.move.startswith("tune"):
        return False
    return failed.stage in _MENDABLE


def choose_mode(
    request: Request,
    *,
    mend: Experiment | None,
    has_near_misses: Callable[[], bool],
    has_references: bool,
) -> Mode:
    """mend: what `to_mend` says. has_near_misses: asked only where it matters."""
    if request.experiment.idea is not None:
        return "idea"
    if len(request.parents) > 1:
        return "merge"
    if mend is not None:
        return "fix"
    standing = stagnation(request.history, request.beliefs, request.experiment.id)
    weights = dict(_WEIGHTS[standing.stage])
    if not has_references:
        weights.pop("references", None)
    if "merge" in weights and not has_near_misses():
        weights.pop("merge")
    modes: Sequence[Mode] = tuple(weights)
    draw = Random(derive_seed(request.experiment.seed, "mode"))
    return draw.choices(modes, list(weights.values()))[0]
