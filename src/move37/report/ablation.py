"""What an ablation showed: as a record, and as a table for people."""

from dataclasses import dataclass

from move37.core.facts import Ablated, AblationOpened
from move37.core.history import History
from move37.core.records import EditEffect, Task
from move37.report.certificates import CertificateView, certificate_view
from move37.report.views import MetricView, metric_view
from move37.report.words import Paint, clean, count, cut, number, plain, table, wrap


@dataclass(frozen=True, kw_only=True, slots=True)
class EditView:
    """One edit, and what taking it out does."""

    edit: str
    places: tuple[str, ...]
    steps: tuple[int, ...]
    """The experiments that it came from."""
    experiment: int | None
    """The program without it. `None`: not tried, or the same program."""
    effect: float | None
    """Of taking it out, in the metric's unit; positive is better, so that below 0 it is needed."""
    interval: tuple[float, float] | None
    level: float | None
    pairs: int
    kept: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AblationView:
    """Which edits of an experiment matter."""

    experiment: int
    metric: MetricView
    margin: float
    """An edit does nothing if taking it out costs less, in the metric's unit."""
    edits: tuple[EditView, ...]
    kept: int
    dropped: int
    pruned: int | None
    """The program without what was dropped, certified not to be worse by the margin or more."""
    certificate: CertificateView | None
    """Of the pruned program against the experiment."""
    reason: str


def ablation_view(
    task: Task, history: History, opened: AblationOpened, ablated: Ablated
) -> AblationView:
    """Flip an ablation for people."""
    kept = sum(effect.kept for effect in ablated.effects)
    return AblationView(
        experiment=ablated.experiment,
        metric=metric_view(task.metric),
        margin=opened.margin,
        edits=tuple(_edit(effect) for effect in ablated.effects),
        kept=kept,
        dropped=len(ablated.effects) - kept,
        pruned=ablated.pruned,
        certificate=_certificate(task, history, ablated),
        reason=ablated.reason,
    )


def _edit(effect: EditEffect) -> EditView:
    interval = effect.effect
    return EditView(
        edit=effect.label,
        places=effect.places,
        steps=effect.steps,
        experiment=effect.experiment,
        effect=None if interval is None else interval.effect,
        interval=None if interval is None else (interval.low, interval.high),
        level=None if interval is None else interval.level,
        pairs=0 if interval is None else interval.pairs,
        kept=effect.kept,
        reason=effect.reason,
    )


def _certificate(task: Task, history: History, ablated: Ablated) -> CertificateView | None:
    found = [
        certificate_view(certified, task, history.certifications[each])
        for each, certified in sorted(history.certificates.items())
        if (certified.experiment, certified.baseline) == (ablated.pruned, ablated.experiment)
    ]
    return found[-1] if found else None


def ablation_text(view: AblationView, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 ablate` shows: a line for each edit."""
    head = f"x{view.experiment}: {count(len(view.edits), 'edit')}, {view.dropped} dropped"
    rows = [("edit", "without it", "interval", "", "where"), *map(_row, view.edits)]
    lines = [
        cut(line, None if width is None else width - 2)
        for line in table(rows, right=frozenset({1, 2}))
    ]
    shown = [paint("title", f"  {lines[0]}")] + [
        f"  {line}" if edit.kept else paint("dim", f"  {line}")
        for line, edit in zip(lines[1:], view.edits, strict=True)
    ]
    note = (
        f"without it: {clean(view.metric.name)} when the edit is taken out, + is better, with its "
        f"90 % interval. An edit that costs less than {number(view.margin)} does nothing."
    )
    parts = [paint("title", cut(head, width)), "", *shown, "", paint("dim", wrap(note, width)), ""]
    parts.append(wrap(clean(view.reason) + ".", width))
    if view.pruned is not None:
        parts.append(
            f"The champion is x{view.pruned} now: `move37 diff` shows it, `move37 apply` takes it home."
        )
    return "\n".join(parts)


def _row(edit: EditView) -> tuple[str, ...]:
    places = edit.places[0] + (f" and {len(edit.places) - 1} more" if len(edit.places) > 1 else "")
    verdict = "kept" if edit.kept else "dropped"
    if edit.effect is None or edit.interval is None:
        return cut(clean(edit.edit), 40), _why(edit.reason), "", verdict, places
    spread = (edit.interval[1] - edit.interval[0]) / 4
    low, high = (number(bound, spread) for bound in edit.interval)
    sign = "+" if edit.effect > 0 else ""
    effect = f"{sign}{number(edit.effect, spread)}"
    return cut(clean(edit.edit), 40), effect, f"{low} to {high}", verdict, places


def _why(reason: str) -> str:
    """Why there is no effect, as short as a figure."""
    if reason.startswith("it fails"):
        return "fails"
    return "the same" if reason.startswith("the same") else "not tried"
