"""What the tabular replay found: summaries, figures and lines for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, sqrt
from statistics import fmean, stdev

from move37.bench.referee_jobs import in_processes
from move37.bench.tabular import Judged, propose, replay
from move37.bench.tabular_programs import tables
from move37.bench.tabular_rules import RULES
from move37.core.errors import TaskError
from move37.core.seeds import derive_seed

OURS = "move37"
QUICK_TABLES = ("iris", "diabetes, above the median", "digits 1 3 8 9")
"""For a look that takes seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TabularRow:
    """One rule over all tables and splits. In shares of rows that are right."""

    rule: str
    bias: float
    """Mean of what it says the gain is, less that on the test rows."""
    bias_se: float
    gain: float
    gain_se: float
    claims: float
    """Share of replays with a claim."""
    wrong: float
    """Share of the claims that the test rows contradict."""
    fits: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TabularResult:
    tables: int
    splits: int
    rows: Sequence[TabularRow]
    by_table: Mapping[str, float]
    """Our mean test gain, by table."""

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        rows = {row.rule: row for row in self.rows}
        ours, gate = rows[OURS], rows["gate_1_sigma"]
        figures = {
            "tabular_bias": ours.bias,
            "tabular_wrong_claims": ours.wrong,
            "tabular_gain_ratio": ours.gain / gate.gain if gate.gain > 0 else inf,
            "tabular_fits_ratio": ours.fits / gate.fits,
        }
        for row in self.rows:
            figures[f"tabular_gain_{row.rule}"] = row.gain
            figures[f"tabular_bias_{row.rule}"] = row.bias
        return figures

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"Recorded edits of real classifiers: {self.tables} tables, {self.splits} splits of each. "
            "In points of accuracy."
        )
        yield f"{'rule':<18}{'said - true':>18}{'test gain':>18}{'claims':>8}{'wrong':>7}{'fits':>6}"
        for row in self.rows:
            yield (
                f"{row.rule:<18}{100 * row.bias:>+10.2f} ± {196 * row.bias_se:<5.2f}"
                f"{100 * row.gain:>+10.2f} ± {196 * row.gain_se:<5.2f}{row.claims:>8.0%}"
                f"{row.wrong:>7.0%}{row.fits:>6.0f}"
            )


def tabular(
    *, splits: int, seed: int, workers: int = 1, names: Sequence[str] = ()
) -> TabularResult:
    """Run the tabular half of the benchmark.

    splits: of each table; names: of tables, all of them unless given. Raises `TaskError` without
    scikit-learn, or when there is too little to average over.
    """
    if splits < 2:
        raise TaskError(f"the tabular replay needs 2 splits of each table or more, not {splits}")
    chosen = [table for table in tables() if not names or table.name in names]
    proposed = in_processes({"walk": [partial(propose, table, seed) for table in chosen]}, workers)
    jobs = {
        table.name: [
            partial(replay, table, walk, derive_seed(seed, "tabular", split))
            for split in range(splits)
        ]
        for table, walk in zip(chosen, proposed["walk"], strict=True)
    }
    return _summarise(in_processes(jobs, workers))


def _summarise(answers: Mapping[str, Sequence[Mapping[str, Judged]]]) -> TabularResult:
    every = [replayed for replays in answers.values() for replayed in replays]
    return TabularResult(
        tables=len(answers),
        splits=len(every) // len(answers),
        rows=[_row(rule, [replayed[rule] for replayed in every]) for rule, _ in RULES],
        by_table={
            name: fmean(replayed[OURS].gain for replayed in replays)
            for name, replays in answers.items()
        },
    )


def _row(rule: str, judged: Sequence[Judged]) -> TabularRow:
    biases = [each.believed - each.gain for each in judged]
    gains = [each.gain for each in judged]
    claims = sum(each.claim for each in judged)
    return TabularRow(
        rule=rule,
        bias=fmean(biases),
        bias_se=stdev(biases) / sqrt(len(biases)),
        gain=fmean(gains),
        gain_se=stdev(gains) / sqrt(len(gains)),
        claims=claims / len(judged),
        wrong=sum(each.is_wrong for each in judged) / claims if claims else 0.0,
        fits=fmean(each.fits for each in judged),
    )
