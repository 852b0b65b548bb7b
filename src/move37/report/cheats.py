"""The cheat report for people: what was found, where, why it matters, how grave it is."""

from collections.abc import Sequence

from move37.core.records import CheatReport, Gravity, Remark
from move37.report.words import Paint, Style, clean, count, plain, wrap

_STYLE: dict[Gravity, Style] = {"serious": "bad", "look": "warn", "note": "dim"}
_CLEAN = (
    "nothing found: timing, seeds, caches, the metric, files, environment, network, processes, tests, "
    "patches, written-down answers"
)


def cheats_text(
    report: CheatReport, *, width: int | None = 80, paint: Paint = plain, least: Gravity = "note"
) -> str:
    """What `show`, `best`, `certify` and the end of `run` say of a change.

    least: below this gravity, remarks are counted only.
    """
    title = f"cheat report of x{report.experiment}"
    if not report.remarks:
        return f"{paint('title', title)}\n  {wrap(_CLEAN, width, '  ')}"
    shown = _from(report.remarks, least)
    hidden = len(report.remarks) - len(shown)
    lines = [f"{paint('title', title)}: {_tally(report.remarks)}"]
    lines += [_line(remark, width, paint) for remark in shown]
    if hidden:
        name = f"`move37 show x{report.experiment}`"
        lines.append(f"  {count(hidden, 'note')} more in {name}")
    return "\n".join(lines)


def _from(remarks: Sequence[Remark], least: Gravity) -> list[Remark]:
    order: tuple[Gravity, ...] = ("note", "look", "serious")
    return [each for each in remarks if order.index(each.gravity) >= order.index(least)]


def _tally(remarks: Sequence[Remark]) -> str:
    kinds: tuple[Gravity, ...] = ("serious", "look", "note")
    counts = {kind: sum(each.gravity == kind for each in remarks) for kind in kinds}
    words = {"serious": "serious", "look": "to look at", "note": "to note"}
    return ", ".join(f"{n} {words[kind]}" for kind, n in counts.items() if n)


def _line(remark: Remark, width: int | None, paint: Paint) -> str:
    place = "" if remark.path is None else f"{clean(remark.path)}:{remark.line}  "
    who = "the change" if remark.path is not None else "it"
    text = f"{place}{who} {clean(remark.what)}; {clean(remark.why)}"
    head = paint(_STYLE[remark.gravity], f"{remark.gravity:<8}")
    return f"  {head}{wrap(text, width, ' ' * 10)}"
