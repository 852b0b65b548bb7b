"""What is handed in from outside, as text for people."""

from move37.report.results import Awaited, HandedIn
from move37.report.text import detail_text
from move37.report.words import Paint, clean, count, plain


def handed_in_text(view: HandedIn, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 propose` shows: the ticket, and what came of it if anything did."""
    files = ", ".join(clean(path) for path in view.files[:3])
    if len(view.files) > 3:
        files += f" and {count(len(view.files) - 3, 'more file')}"
    lines = [paint("title", view.ticket), f"  changes {files} of x{view.base}"]
    if view.predicted_effect is not None:
        lines.append(f"  predicted {view.predicted_effect:+.4g}; + is better")
    head = "\n".join(lines)
    return f"{head}\n\n{awaited_text(view.awaited, width=width, paint=paint)}"


def awaited_text(view: Awaited, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 wait` shows."""
    if view.detail is not None:
        return detail_text(view.detail, width=width, paint=paint)
    reason = clean(view.reason)
    if view.state == "refused":
        return paint("bad", f"Not taken: {reason}.")
    name = view.ticket if view.experiment is None else f"x{view.experiment}"
    told = f"Not measured yet: {reason}."
    return f"{told}\nNext: `move37 wait {name}`"
