"""The chapter about the champion's program: edit by edit, with what each is worth, and the diff."""

from collections.abc import Iterator, Sequence

from move37.report.document import (
    Block,
    Chapter,
    Facts,
    Heading,
    Inlines,
    Interval,
    Lines,
    Para,
    Table,
    Theirs,
)
from move37.report.morning import EditStory, Morning, StepStory
from move37.report.phrases import effect_words
from move37.report.words import clean, count, number

_OPEN_LINES = 60
"""A longer diff is folded."""
_PLACE_LINES = 14
_WIDEST = 300


def program_chapter(morning: Morning) -> Chapter:
    best = morning.champion
    title = "" if best is None else f"x{best.experiment}, edit by edit"
    if best is not None and best.is_champion:
        title = f"The champion, {title}"
    return Chapter("champion", title, [] if best is None else list(_blocks(morning)))


def _blocks(morning: Morning) -> Iterator[Block]:
    assert morning.champion is not None
    hypothesis = morning.champion.hypothesis
    if hypothesis:
        yield Para(("Its latest idea: ", Theirs(hypothesis)))
    yield from _ablated(morning) if _is_ablated(morning) else _believed(morning)
    yield from _edits(morning)
    if morning.diff:
        left = morning.diff_left_out
        more = f", without {count(left, 'line')} of {left + len(morning.diff):,}" if left else ""
        yield Lines(
            f"The whole change, from the baseline{more}",
            morning.diff,
            "diff",
            is_folded=len(morning.diff) > _OPEN_LINES,
        )


def _is_ablated(morning: Morning) -> bool:
    return any(edit.effect is not None or edit.reason for edit in morning.edits)


def _ablated(morning: Morning) -> Iterator[Block]:
    view = morning.ablation
    if view is not None:
        yield Para((f"{clean(view.reason)}.",))
    bounds = [edit.interval for edit in morning.edits if edit.interval is not None]
    scale = (
        min((low for low, _ in bounds), default=0.0),
        max((high for _, high in bounds), default=0.0),
    )
    name = clean(morning.metric.name)
    yield Table(
        f"What each edit brings: {name} with it, less that without it, measured by taking it out; "
        "+ is better, with its 90 % interval."
        + (
            f" {count(morning.edits_left_out, 'more edit')} not shown."
            if morning.edits_left_out
            else ""
        ),
        ("edit", "brings", "", "where", "from"),
        [_edit_row(edit, scale) for edit in morning.edits],
        frozenset({1}),
    )


def _edit_row(edit: EditStory, scale: tuple[float, float]) -> Sequence[Inlines]:
    where = ", ".join(edit.places[:3]) + (" …" if len(edit.places) > 3 else "")
    verdict = "" if edit.kept else "dropped: "
    steps = " ".join(f"x{step}" for step in edit.steps[:6])
    if edit.effect is None or edit.interval is None:
        return (
            (verdict, Theirs(edit.label)),
            ("not known",),
            (Theirs(edit.reason),),
            (Theirs(where),),
            (steps,),
        )
    low, high = edit.interval
    spread = (high - low) / 4
    told = f"{number(low, spread, sign=True)} to {number(high, spread, sign=True)}"
    bar = Interval(edit.effect, low, high, scale, edit.kept, told)
    return (
        (verdict, Theirs(edit.label)),
        (number(edit.effect, spread, sign=True),),
        (bar,),
        (Theirs(where),),
        (steps,),
    )


def _believed(morning: Morning) -> Iterator[Block]:
    yield Para(
        (
            "Its edits were never taken out one by one. What each step is believed to have brought, "
            "seen from today:",
        )
    )
    yield Table(
        "The way from the baseline, the first edit first; effects are believed, on the step before, + is better."
        + (
            f" {count(morning.steps_left_out, 'earlier step')} not shown."
            if morning.steps_left_out
            else ""
        ),
        ("step", "idea", "by", "expected", "believed"),
        [_step_row(step) for step in morning.steps],
        frozenset({3, 4}),
    )


def _step_row(step: StepStory) -> Sequence[Inlines]:
    merged = "" if len(step.parents) < 2 else f" (merged with x{step.parents[1]})"
    return (
        (f"x{step.experiment}",),
        (Theirs(step.hypothesis), merged),
        (Theirs(step.proposer),),
        ("" if step.predicted is None else f"{step.predicted:+.3g}",),
        ("" if step.effect is None else effect_words(step.effect),),
    )


def _edits(morning: Morning) -> Iterator[Block]:
    """The text of each edit that is small enough to be looked at by itself."""
    ideas = {step.experiment: step.hypothesis for step in morning.steps}
    if not _is_ablated(morning):
        return
    for edit in morning.edits:
        if not edit.kept or not (edit.old or edit.new):
            continue
        yield Heading((Theirs(edit.label),))
        why = [ideas[step] for step in edit.steps if ideas.get(step)]
        pairs: list[tuple[str, Inlines]] = []
        pairs += [
            ("" if number else "idea", (Theirs(text),)) for number, text in enumerate(why[:3])
        ]
        if edit.reason:
            pairs.append(("ablation", (Theirs(edit.reason),)))
        if pairs:
            yield Facts(pairs)
        lines = [*_marked("-", edit.old), *_marked("+", edit.new)]
        if len(lines) > 2 or edit.new.strip() not in edit.label:  # a value's label says it all
            yield Lines("", lines, "diff")


def _marked(sign: str, text: str) -> list[str]:
    lines = [f"{sign}{line[:_WIDEST]}" for line in text.splitlines()]
    if len(lines) <= _PLACE_LINES:
        return lines
    return [*lines[:_PLACE_LINES], f" … {count(len(lines) - _PLACE_LINES, 'more line')}"]
