"""`export`: the study as tables for other tools."""

from collections.abc import Callable, Mapping
from pathlib import Path

import move37
from move37.app.look import judge_of
from move37.app.study import STUDY, Study, find_root, read_study
from move37.report.exports.build import dataset, times_of
from move37.report.exports.csv_files import write_csv
from move37.report.exports.mlflow_store import write_mlflow
from move37.report.exports.parquet_files import write_parquet
from move37.report.exports.tables import Dataset, about
from move37.report.exports.tensorboard_events import write_tensorboard
from move37.report.exports.tsv_file import write_tsv
from move37.report.exports.wandb_run import write_wandb
from move37.report.exports.whole import MARK, whole_directory
from move37.report.results import Exported

Writer = Callable[[Dataset, Path], None]

_WRITERS: Mapping[str, Writer] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "tsv": write_tsv,
    "tensorboard": write_tensorboard,
    "mlflow": write_mlflow,
    "wandb": write_wandb,
}


def export_formats() -> tuple[str, ...]:
    return tuple(_WRITERS)


def export(root: Path, kind: str, out: Path | None = None, *, replace: bool = False) -> Exported:
    """Write the current epoch into the directory `out`, or one in the task's study.

    It is there as a whole or not at all. Raises `HomeError` rather than overwrite, unless `replace` says so and
    an earlier export is what is there, and `Move37Error` without the format's client.
    """
    with read_study(find_root(root)) as study:
        path = (out or study.root / STUDY / "exports" / kind).resolve()
        with whole_directory(path, replace=replace) as directory:
            data = dataset_of(study)
            _WRITERS[kind](data, directory)
            (directory / MARK).write_text(about(data, kind), encoding="utf-8")
            files = sorted(
                each.relative_to(directory) for each in directory.rglob("*") if each.is_file()
            )
    return Exported(
        format=kind,
        path=path,
        files=tuple(map(str, files)),
        experiments=len(data.experiments),
        trials=len(data.trials),
    )


def dataset_of(study: Study) -> Dataset:
    return dataset(
        study.task,
        study.history,
        study.believer,
        study.champion,
        judge=judge_of(study),
        times=times_of(study.store.rows()),
        version=move37.__version__,
    )
