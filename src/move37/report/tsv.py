"""The experiments as the `results.tsv` of karpathy/autoresearch: for its notebooks and for other tools.

A row says what was measured, a mean that includes luck; what is believed and claimed is in `move37 list`.
"""

from collections.abc import Sequence
from statistics import fmean

from move37.core.history import History
from move37.core.records import Measured, Verdict
from move37.report.views import Summary
from move37.report.words import clean, defused

COLUMNS = ("commit", "{metric}", "memory_gb", "status", "description")
_VRAM = "peak_vram_mb"


def results_tsv(metric: str, history: History, rows: Sequence[Summary]) -> str:
    """A header, and a line for each experiment that has ended."""
    lines = ["\t".join(COLUMNS).replace("{metric}", metric)]
    for row in rows:
        status = _status(row)
        if status is None:
            continue
        one = history[row.experiment]
        measured = 0.0 if row.measured is None else row.measured
        trials = [trial.outcome for trial in one.trials if isinstance(trial.outcome, Measured)]
        used = [outcome.metrics.get(_VRAM, outcome.peak_memory_mb) for outcome in trials]
        memory = fmean(used) / 1024 if used else 0.0
        said = "baseline" if row.is_baseline else row.hypothesis or row.move
        cells = ((one.commit or "")[:7], f"{measured:.6f}", f"{memory:.1f}", status, _cell(said))
        lines.append("\t".join(cells))
    return "\n".join(lines)


def _status(row: Summary) -> str | None:
    """In that tool's words; `None` while it runs, or where it was not measured in full."""
    if row.failure is not None:
        return "crash"
    if row.measured is None:
        return None
    return "keep" if row.is_baseline or row.verdict is Verdict.BETTER else "discard"


def _cell(text: str) -> str:
    return defused(" ".join(clean(text).split()))
