"""`experiments.csv` and `trials.csv`: RFC 4180, UTF-8, a header, an empty cell for what there is not.

Numbers are written so that reading them gives the very same number. Text that a spreadsheet would take
for a formula is preceded by an apostrophe, which is the one way in which the text differs from the table's.
"""

import csv
from pathlib import Path
from typing import TextIO

from move37.report.exports.tables import Column, Dataset, Table, Value
from move37.report.words import defused


def write_csv(data: Dataset, directory: Path) -> None:
    for table in data.tables:
        with (directory / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as file:
            _write(table, file)


def _write(table: Table, file: TextIO) -> None:
    writer = csv.writer(file)
    writer.writerow([defused(column.name) for column in table.columns])
    columns = [_cells(column) for column in table.columns]
    writer.writerows(zip(*columns, strict=True))


def _cells(column: Column) -> "map[str]":
    return map(_text_cell if column.kind == "text" else _cell, column.values)


def _text_cell(value: Value) -> str:
    return "" if value is None else defused(str(value))


def _cell(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return repr(value)
