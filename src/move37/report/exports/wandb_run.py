"""Offline runs for Weights & Biases, one for each table: `wandb sync` sends them, whenever you want to.

Each experiment, or trial, is a step of its run's history. Nothing is sent here, and nothing of this machine
gets in: no packages, no host, no code.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from move37.report.exports.clients import client, environment
from move37.report.exports.tables import SAID, Dataset, Table, Value


def write_wandb(data: Dataset, directory: Path) -> None:
    """Raises `Move37Error` without wandb."""
    with TemporaryDirectory(prefix="move37-") as made, environment(_silent(made)):
        wandb: Any = client("wandb", "wandb", "an export for Weights & Biases")
        try:
            for table in data.tables:
                _write(wandb, data, table, made)
        finally:
            wandb.teardown()
        for table in data.tables:
            (run,) = Path(made, table.name, "wandb").glob("offline-run-*")
            shutil.copytree(
                run, directory / table.name / run.name, ignore=shutil.ignore_patterns("logs", "tmp")
            )


def _silent(made: str) -> dict[str, str]:
    """Nothing is sent, and what it writes besides the run goes with the temporary directory."""
    places = ("CACHE", "CONFIG", "DATA", "ARTIFACT")
    return {
        **{f"WANDB_{place}_DIR": f"{made}/{place.lower()}" for place in places},
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "DO_NOT_TRACK": "true",
    }


def _write(wandb: Any, data: Dataset, table: Table, made: str) -> None:
    place = Path(made, table.name)
    place.mkdir()
    run: Any = wandb.init(
        mode="offline",
        dir=str(place),
        project="move37",
        name=f"{data.task}: {table.name}",
        group=data.task,
        job_type=table.name,
        notes=f"{data.goal} {SAID}",
        config={
            "metric": data.metric.name,
            "goal": data.metric.goal,
            "min_effect": data.metric.min_effect,
            "move37": data.version,
            "columns": {column.name: column.doc for column in table.columns},
        },
        settings=wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            save_code=False,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    step = "experiment" if table.name == "experiments" else "row"
    run.define_metric("*", step_metric=step)
    for number, row in enumerate(table.rows()):
        known: dict[str, Value] = {name: value for name, value in row.items() if value is not None}
        run.log({"row": number, **known})
    run.summary.update(_summary(data))
    run.finish()


def _summary(data: Dataset) -> dict[str, Value]:
    """The baseline and the champion, with what is certified of it."""
    told: dict[str, Value] = {}
    for row in data.experiments.rows():
        for who in ("baseline", "champion"):
            if row[f"is_{who}"]:
                names = ("experiment", "measured", "believed", "believed_sd")
                told |= {f"{who}.{name}": row[name] for name in names}
        if row["is_champion"]:
            names = ("certified", "fresh_effect", "fresh_low", "fresh_high")
            told |= {f"champion.{name}": row[name] for name in names}
    return told
