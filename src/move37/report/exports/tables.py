"""What every export writes: two tables, with a word on each column. Built once, so that all formats agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from move37.report.views import MetricView

Value = int | float | str | bool | None
"""`None`: there is none, such as the score of a failed trial."""
Kind = Literal["whole", "number", "text", "truth"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    name: str
    kind: Kind
    doc: str
    """What it means, with its unit and direction."""
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    left_out: tuple[str, ...] = ()
    """Side metrics for which there was no room."""

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def __getitem__(self, column: str) -> Sequence[Value]:
        return next(each.values for each in self.columns if each.name == column)

    def rows(self) -> Iterator[Mapping[str, Value]]:
        names = [column.name for column in self.columns]
        for values in zip(*(column.values for column in self.columns), strict=True):
            yield dict(zip(names, values, strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """The current epoch of a study."""

    task: str
    goal: str
    metric: MetricView
    version: str
    """Of move37."""
    experiments: Table
    trials: Table
    results: str
    """The same as the `results.tsv` of karpathy/autoresearch."""

    @property
    def tables(self) -> tuple[Table, Table]:
        return self.experiments, self.trials


SAID = (
    "Values are in the metric's own unit and direction. Effects are against the baseline, in the metric's "
    "unit; positive is better, whichever way the metric goes. Measured and believed are no claims: only "
    "what is certified is an improvement."
)
"""Goes with every export."""

MOMENTS = ("opened_at", "ended_at")
"""Columns that are no measurements."""


def moment(row: Mapping[str, Value]) -> float | None:
    """When the row's experiment or trial ended, or else began; `None` where nobody knows."""
    found = row.get("ended_at") or row.get("opened_at")
    return found if isinstance(found, float) else None


def about(data: Dataset, kind: str) -> str:
    """What an export is, for whoever finds it: JSON, with a word on each column."""
    import json

    told = {
        "export": kind,
        "move37": data.version,
        "task": data.task,
        "goal": data.goal,
        "metric": {
            "name": data.metric.name,
            "goal": data.metric.goal,
            "min_effect": data.metric.min_effect,
        },
        "said": SAID,
        "tables": {
            table.name: {
                "rows": len(table),
                "columns": {each.name: each.doc for each in table.columns},
                "left_out": list(table.left_out),
            }
            for table in data.tables
        },
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"
