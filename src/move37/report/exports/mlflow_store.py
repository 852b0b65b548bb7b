"""A tracking store for MLflow: one SQLite file, `mlflow.db`.

An MLflow experiment for the study. In it a run for the study as a whole, whose metrics have a step for
each of our experiments; and below that a run for each of the first `MOST_RUNS` experiments, champions
and certified ones before all others: a run costs MLflow some 25 ms. The columns are the metrics, the params and the tags.
"""

import logging
import re
import shutil
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from move37.report.exports.clients import client, environment
from move37.report.exports.tables import MOMENTS, SAID, Column, Dataset, Table, Value, moment

MOST_RUNS = 1000
_BATCH = 1000
"""As many metrics as MLflow takes at once."""
_BY_STEP = ("measured", "believed", "believed_sd", "effect", "effect_sd", "fresh_effect")
_LONGEST = 500
"""Characters of a param."""
_WANTED = "an export for MLflow"

_SILENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_FINISHED = "FINISHED"

Row = Mapping[str, Value]


def write_mlflow(data: Dataset, directory: Path) -> None:
    """Raises `Move37Error` without mlflow."""
    with environment(_SILENT), _unsynced(), TemporaryDirectory(prefix="move37-") as made:
        tracking: Any = client("mlflow.tracking", "mlflow-skinny", _WANTED)
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # each table it makes is news to it
        # The path becomes part of an address, in which not every character is possible.
        database = Path(made, "mlflow.db")
        mlflow: Any = tracking.MlflowClient(tracking_uri=f"sqlite:///{database}")
        _write(mlflow, data)
        shutil.move(database, directory / database.name)


@contextmanager
def _unsynced() -> Generator[None]:
    """No write waits for the disk: what a crash leaves half-written is thrown away anyhow."""
    sqlalchemy: Any = client("sqlalchemy", "mlflow-skinny", _WANTED)

    def relax(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", relax)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", relax)


def _write(mlflow: Any, data: Dataset) -> None:
    # Artefacts, should anybody add some, belong to the server: no path of this machine gets in.
    study = mlflow.create_experiment(data.task, artifact_location="mlflow-artifacts:/move37")
    mlflow.set_experiment_tag(study, "mlflow.note.content", f"{data.goal}\n\n{SAID}")
    whole = _write_study(mlflow, data, study)
    trials = _by_experiment(data.trials)
    for row in _chosen(data.experiments):
        _write_experiment(
            mlflow, data.experiments, study, whole, row, trials.get(row["experiment"], ())
        )


def _write_study(mlflow: Any, data: Dataset, study: str) -> str:
    """A run for the study as a whole; its id."""
    rows = list(data.experiments.rows())
    moments = [at for at in (_milliseconds(row) for row in rows) if at]
    began = min(moments, default=0)
    whole: str = mlflow.create_run(study, start_time=began, run_name=data.task).info.run_id
    metric = {"metric": data.metric.name, "goal": data.metric.goal}
    _log(mlflow, whole, params={**metric, "move37": data.version})
    points = (
        (name, row[name], _milliseconds(row) or began, row["experiment"])
        for row in rows
        for name in _BY_STEP
        if row[name] is not None
    )
    for batch in _batches(points):
        _log(mlflow, whole, metrics=batch)
    mlflow.set_terminated(whole, _FINISHED, end_time=max(moments, default=began))
    return whole


def _write_experiment(
    mlflow: Any, table: Table, study: str, whole: str, row: Row, trials: Sequence[Row]
) -> None:
    at = _milliseconds(row)
    tags = {"mlflow.parentRunId": whole, "mlflow.note.content": str(row["hypothesis"] or "")}
    name = f"x{row['experiment']}"
    run: str = mlflow.create_run(study, start_time=at, tags=tags, run_name=name).info.run_id
    metrics = [
        (_key(each.name), row[each.name], at, 0)
        for each in _numbers(table)
        if row[each.name] is not None
    ]
    metrics += [
        ("trial", trial["value"], _milliseconds(trial) or at, step)
        for step, trial in enumerate(trials)
        if trial["value"] is not None
    ]
    _log(
        mlflow,
        run,
        metrics=metrics,
        params={name: row[name] for name in ("parents", "proposer", "move") if row[name]},
        tags={
            each.name: str(row[each.name])
            for each in table.columns
            if each.kind in ("truth", "text") and row[each.name] is not None
        },
    )
    mlflow.set_terminated(run, "FAILED" if row["state"] == "failed" else _FINISHED, end_time=at)


# --- helpers -------------------------------------------------------------------------------------

Point = tuple[str, Value, int, Value]
"""A metric's name, its value, milliseconds since 1970, and the step."""


def _log(
    mlflow: Any,
    run: str,
    *,
    metrics: Iterable[Point] = (),
    params: Mapping[str, Value] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    entities: Any = client("mlflow.entities", "mlflow-skinny", _WANTED)
    mlflow.log_batch(
        run,
        metrics=[entities.Metric(*point) for point in metrics],
        params=[
            entities.Param(key, str(value)[:_LONGEST]) for key, value in (params or {}).items()
        ],
        tags=[entities.RunTag(key, value) for key, value in (tags or {}).items()],
    )


def _batches(points: Iterable[Point]) -> Iterable[Sequence[Point]]:
    source = iter(points)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _by_experiment(trials: Table) -> Mapping[Value, Sequence[Row]]:
    found: dict[Value, list[Row]] = {}
    for row in trials.rows():
        found.setdefault(row["experiment"], []).append(row)
    return found


def _chosen(experiments: Table) -> Sequence[Row]:
    """Those that get a run of their own, in their order."""
    rows = list(experiments.rows())
    first = ("is_baseline", "is_champion", "certified", "is_step")
    by_worth = sorted(range(len(rows)), key=lambda i: [not rows[i][name] for name in first])
    return [rows[i] for i in sorted(by_worth[:MOST_RUNS])]


def _numbers(table: Table) -> Sequence[Column]:
    return [each for each in table.columns if each.kind == "number" and each.name not in MOMENTS]


def _milliseconds(row: Row) -> int:
    return int(1000 * (moment(row) or 0.0))


def _key(name: str) -> str:
    """A name as MLflow allows it."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)
