"""`export`: the study as tables for other tools."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import move37
from move37.app.look import judge_of
from move37.app.study import STUDY, Study, find_root, read_study
from move37.core.errors import StudyError
from move37.report.results import Exported

if TYPE_CHECKING:
    from move37.report.exports.tables import Dataset

    Writer = Callable[[Dataset, Path], None]

EXPORT_FORMATS = ("csv", "parquet", "tsv", "tensorboard", "mlflow", "wandb")


def export(root: Path, kind: str, out: Path | None = None, *, replace: bool = False) -> Exported:
    """Write the current epoch into the directory `out`, or one in the task's study.

    It is there as a whole or not at all. Raises `HomeError` rather than overwrite, unless `replace` says so and
    an earlier export is what is there, and `Move37Error` without the format's client.
    """
    from move37.report.exports.tables import about
    from move37.report.exports.whole import MARK, whole_directory

    write = _writer(kind)
    with read_study(find_root(root)) as study:
        path = (out or study.root / STUDY / "exports" / kind).resolve()
        with whole_directory(path, replace=replace) as directory:
            data = dataset_of(study)
            write(data, directory)
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


def dataset_of(study: Study) -> "Dataset":
    from move37.report.exports.build import dataset, times_of

    return dataset(
        study.task,
        study.history,
        study.believer,
        study.champion,
        judge=judge_of(study),
        times=times_of(study.store.rows()),
        version=move37.__version__,
    )


def _writer(kind: str) -> "Writer":
    match kind:
        case "csv":
            from move37.report.exports.csv_files import write_csv as write
        case "parquet":
            from move37.report.exports.parquet_files import write_parquet as write
        case "tsv":
            from move37.report.exports.tsv_file import write_tsv as write
        case "tensorboard":
            from move37.report.exports.tensorboard_events import write_tensorboard as write
        case "mlflow":
            from move37.report.exports.mlflow_store import write_mlflow as write
        case "wandb":
            from move37.report.exports.wandb_run import write_wandb as write
        case other:
            raise StudyError(f"there is no export {other!r}; choose {', '.join(EXPORT_FORMATS)}")
    return write
