"""Events for TensorBoard: a run for each table, a chart for each of its numbers.

The step is the experiment's number, or the row's for trials. TensorBoard keeps scalars in single
precision, so that seven digits of a number are left.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from move37.report.exports.clients import client
from move37.report.exports.tables import MOMENTS, SAID, Dataset, Table, moment

_WANTED = "an export for TensorBoard"


def write_tensorboard(data: Dataset, directory: Path) -> None:
    """Raises `Move37Error` without tensorboard."""
    records: Any = client("tensorboard.summary.writer.record_writer", "tensorboard", _WANTED)
    for table in data.tables:
        (directory / table.name).mkdir()
        with (directory / table.name / "events.out.tfevents.0.move37").open("wb") as file:
            writer = records.RecordWriter(file)
            for event in _events(data, table):
                writer.write(event.SerializeToString())
            writer.flush()


def _events(data: Dataset, table: Table) -> Iterator[Any]:
    events: Any = client("tensorboard.compat.proto.event_pb2", "tensorboard", _WANTED)
    summaries: Any = client("tensorboard.compat.proto.summary_pb2", "tensorboard", _WANTED)
    numbers = [
        column.name
        for column in table.columns
        if column.kind == "number" and column.name not in MOMENTS
    ]
    at = 0.0
    yield events.Event(wall_time=at, file_version="brain.Event:2")
    yield events.Event(wall_time=at, step=0, summary=summaries.Summary(value=[_words(data, table)]))
    for step, row in enumerate(table.rows()):
        at = moment(row) or at
        values = [
            summaries.Summary.Value(tag=name, simple_value=row[name])
            for name in numbers
            if row[name] is not None
        ]
        if table.name == "experiments":
            step = row["experiment"]
            values.append(summaries.Summary.Value(tag="certified", simple_value=row["certified"]))
        yield events.Event(wall_time=at, step=step, summary=summaries.Summary(value=values))


def _words(data: Dataset, table: Table) -> Any:
    """What the charts mean, for the page of texts."""
    metadata: Any = client("tensorboard.plugins.text.metadata", "tensorboard", _WANTED)
    tensors: Any = client("tensorboard.util.tensor_util", "tensorboard", _WANTED)
    summaries: Any = client("tensorboard.compat.proto.summary_pb2", "tensorboard", _WANTED)
    told = [f"{data.goal} Metric: {data.metric.name}, {data.metric.goal}. {SAID}"]
    told += [f"- {column.name}: {column.doc}" for column in table.columns]
    about: Any = metadata.create_summary_metadata(display_name="columns", description="")
    tensor: Any = tensors.make_tensor_proto("\n\n".join(told).encode())
    return summaries.Summary.Value(tag="columns", metadata=about, tensor=tensor)
