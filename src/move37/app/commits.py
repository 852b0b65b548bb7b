"""The commits of a result: one for each edit that survived its ablation, with what it was measured to bring."""

from collections.abc import Iterator, Mapping, Sequence, Set

from move37.app.ablation import Ablation
from move37.app.reporting import ablation_of
from move37.app.study import Study
from move37.core.errors import StudyError
from move37.core.facts import Ablated
from move37.core.history import Experiment
from move37.core.records import EditEffect, Metric
from move37.referee.edits import Edits
from move37.report.words import clean, count, cut, number
from move37.store.home import Stage

_SUBJECT = 72
"""Columns: what git's own tools show."""
_MOST_IDEAS = 3

Changes = Mapping[str, bytes | None]


def stages_of(study: Study, program: Experiment, changes: Changes) -> Sequence[Stage]:
    """The commits that lead from the baseline to this program, whose changes are all of these.

    A single one, which says so, where nobody has measured its edits one by one.
    """
    ablated = ablation_of(study, program.id)
    if ablated is None:
        why = "The effects of its edits one by one are not known: nobody has ablated it."
        return [Stage(changes, whole_message(study, program, why))]
    cut_up = _cut(study, ablated)
    if cut_up is None:
        why = "Its edits are not known any more as its ablation cut them."
        return [Stage(changes, whole_message(study, program, why))]
    files, edits = cut_up
    stages = list(_stages(study, program, ablated, files, edits, changes))
    if not stages or dict(stages[-1].changes) != dict(changes):
        why = "Its edits do not add up to it one by one, so they are one commit."
        return [Stage(changes, whole_message(study, program, why))]
    last = stages[-1]
    return [*stages[:-1], Stage(last.changes, f"{last.message}\n\n{_about(study, program)}")]


def whole_message(study: Study, program: Experiment, why: str) -> str:
    """Of one commit with everything: each edit of the lineage, and what is known of the effect."""
    edits: list[str] = []
    node = program
    while node.parents:
        edits.append(f"- {clean(node.hypothesis)} (x{node.id})")
        node = study.history[node.parents[0]]
    title = cut(f"{clean(study.task.name)}: x{program.id}, found by move37", _SUBJECT)
    return "\n".join([title, "", *reversed(edits), "", why, "", _evidence(study, program)])


# --- one for each edit ---------------------------------------------------------------------------


def _cut(study: Study, ablated: Ablated) -> tuple[Changes, Edits] | None:
    """The ablated program's files, and its edits; `None` where they are not those of the ablation."""
    ablation = Ablation(study)
    try:
        edits = ablation.edits(ablated.experiment)
    except StudyError:
        return None
    if len(edits.edits) != len(ablated.effects):
        return None
    code, commit = study.store.code, study.history[ablated.experiment].commit
    assert commit is not None
    return code.changed(_start(study, study.history[ablated.experiment]), commit), edits


def _start(study: Study, program: Experiment) -> str:
    """The baseline of its epoch."""
    baseline = study.history[study.history.epochs[program.epoch].baseline].commit
    assert baseline is not None
    return baseline


def _stages(
    study: Study,
    program: Experiment,
    ablated: Ablated,
    files: Changes,
    edits: Edits,
    changes: Changes,
) -> Iterator[Stage]:
    everything = frozenset(range(len(edits.edits)))
    is_pruned = program.id == ablated.pruned
    survivors = [
        number for number, told in enumerate(ablated.effects) if told.kept or not is_pruned
    ]
    # In the order in which the search came to them; equal ones as they stand in the files.
    survivors.sort(key=lambda number: (max(ablated.effects[number].steps, default=0), number))
    code, baseline = study.store.code, _start(study, program)
    old = {
        path: None if code.mode(baseline, path) is None else code.read(baseline, path)
        for path in {*files, *changes}
    }
    before: Changes = {}
    done: set[int] = set()
    for edit in survivors:
        done.add(edit)
        now = _with(files, edits, everything - done)
        now = {path: now[path] for path in sorted(now) if now[path] != old.get(path)}
        if now != before:
            yield Stage(now, _message(study, ablated.effects[edit]))
        before = now


def _with(files: Changes, edits: Edits, removed: Set[int]) -> dict[str, bytes | None]:
    """All that the program changes, without these edits."""
    return {**files, **edits.without(removed)}


def _message(study: Study, told: EditEffect) -> str:
    history = study.history
    ideas = [clean(history[step].hypothesis) for step in told.steps if history[step].hypothesis]
    places = ", ".join(clean(place) for place in told.places[:5])
    more = f" and {count(len(told.places) - 5, 'more place')}" if len(told.places) > 5 else ""
    names = ", ".join(f"x{step}" for step in told.steps)
    lines = [cut(clean(told.label), _SUBJECT) or f"an edit of {names}", ""]
    lines += [f"The idea: {idea}" for idea in ideas[:_MOST_IDEAS]]
    lines += [f"Where: {places}{more}", "", measured_effect(told, study.task.metric)]
    lines += ["", f"From {names} of the study {clean(study.task.name)}, by move37."]
    return "\n".join(lines)


def measured_effect(told: EditEffect, metric: Metric) -> str:
    """What an edit brings, in a sentence; positive is better."""
    if told.effect is None:
        return f"What it brings is not known: {clean(told.reason)}."
    # Of taking it out, turned: what having it brings.
    low, high = -told.effect.high, -told.effect.low
    spread = (high - low) / 4
    what = (
        f"It brings {number(-told.effect.effect, spread, sign=True)} {clean(metric.name)} (+ is better; "
        f"{100 * told.effect.level:.3g} % interval {number(low, spread, sign=True)} to "
        f"{number(high, spread, sign=True)}), measured by taking it out of the whole, "
        f"{count(told.effect.pairs, 'pair')} of trials."
    )
    return what if told.kept else f"{what} It was found to do nothing, and is still in the program."


# --- what is known of the whole ------------------------------------------------------------------


def _about(study: Study, program: Experiment) -> str:
    return f"With this commit the program is x{program.id}, all of it. {_evidence(study, program)}"


def _evidence(study: Study, program: Experiment) -> str:
    history = study.history
    certified = history.certificate_of(program.id)
    if certified is not None:
        return clean(certified.reason)
    source = history.pruned_from(program.id)
    whole = None if source is None else history.certificate_of(source)
    if whole is not None:
        return (
            f"It is x{source} without the edits that do nothing, certified not to be worse. Of x{source}: "
            f"{clean(whole.reason)}"
        )
    return "Not certified."
