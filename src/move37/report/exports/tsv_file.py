"""`results.tsv`, as karpathy/autoresearch writes it: see `move37.report.tsv`."""

from pathlib import Path

from move37.report.exports.tables import Dataset


def write_tsv(data: Dataset, directory: Path) -> None:
    (directory / "results.tsv").write_text(f"{data.results}\n", encoding="utf-8", newline="")
