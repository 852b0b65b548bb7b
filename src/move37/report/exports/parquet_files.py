"""`experiments.parquet` and `trials.parquet`, by pyarrow, with a word on each column in the schema."""

from pathlib import Path
from typing import Any

from move37.report.exports.clients import client
from move37.report.exports.tables import SAID, Dataset, Table


def write_parquet(data: Dataset, directory: Path) -> None:
    """Raises `Move37Error` without pyarrow."""
    pa: Any = client("pyarrow", "pyarrow", "Parquet")
    parquet: Any = client("pyarrow.parquet", "pyarrow", "Parquet")
    about = {"metric": data.metric.name, "goal": data.metric.goal, "said": SAID}
    for table in data.tables:
        made = _table(pa, table).replace_schema_metadata({**about, "move37": data.version})
        parquet.write_table(made, directory / f"{table.name}.parquet", compression="zstd")


def _table(pa: Any, table: Table) -> Any:
    kinds = {"whole": pa.int64(), "number": pa.float64(), "text": pa.string(), "truth": pa.bool_()}
    fields = [
        pa.field(column.name, kinds[column.kind], metadata={"doc": column.doc})
        for column in table.columns
    ]
    arrays = [
        pa.array(column.values, type=field.type)
        for column, field in zip(table.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
