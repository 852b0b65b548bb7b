"""Exports read back by the client libraries of those who will read them."""

import importlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exported_study import HOSTILE, exported

from move37.core.errors import Move37Error
from move37.report.exports.clients import client, environment
from move37.report.exports.mlflow_store import write_mlflow
from move37.report.exports.parquet_files import write_parquet
from move37.report.exports.tensorboard_events import write_tensorboard
from move37.report.exports.wandb_run import write_wandb


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No client finds anything of whoever runs the tests, or leaves anything with them."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    return home


def imported(name: str) -> Any:
    pytest.importorskip(name)
    return importlib.import_module(name)


def test_parquet_holds_the_same_tables_with_types_and_a_word_on_each_column(tmp_path: Path) -> None:
    parquet, data = imported("pyarrow.parquet"), exported(hypotheses=HOSTILE)
    write_parquet(data, tmp_path)
    for table in data.tables:
        read: Any = parquet.read_table(tmp_path / f"{table.name}.parquet")
        assert read.column_names == [column.name for column in table.columns]
        assert read.to_pylist() == list(table.rows())
    schema: Any = parquet.read_schema(tmp_path / "experiments.parquet")
    assert str(schema.field("certified").type) == "bool"
    assert b"Only these are improvements" in schema.field("certified").metadata[b"doc"]
    assert schema.metadata[b"goal"] == b"minimize"


def test_tensorboard_shows_each_number_by_experiment(tmp_path: Path) -> None:
    accumulators = imported("tensorboard.backend.event_processing.event_accumulator")
    write_tensorboard(exported(hypotheses=HOSTILE), tmp_path)
    read: Any = accumulators.EventAccumulator(str(tmp_path / "experiments"), {"scalars": 0})
    read.Reload()
    assert {"measured", "believed", "believed_sd", "effect", "certified"} <= set(
        read.Tags()["scalars"]
    )
    measured = [(event.step, event.value) for event in read.Scalars("measured")]
    assert measured[:3] == [(0, 3.25), (1, 3.0), (3, pytest.approx(3.1))]
    assert [event.value for event in read.Scalars("certified")][:3] == [0.0, 1.0, 0.0]
    assert read.Scalars("measured")[0].wall_time > 1_000_000
    (words,) = read.Tensors("columns")
    assert b"no claims" in words.tensor_proto.string_val[0]
    trials: Any = accumulators.EventAccumulator(str(tmp_path / "trials"))
    trials.Reload()
    assert [event.value for event in trials.Scalars("metric.rss")] == [7.5]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_mlflow_has_a_run_for_the_study_and_one_for_each_experiment(
    tmp_path: Path, home: Path
) -> None:
    tracking, data = imported("mlflow.tracking"), exported(hypotheses=HOSTILE)
    write_mlflow(data, tmp_path)
    read: Any = tracking.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    study = read.get_experiment_by_name("made-up")
    runs = {run.info.run_name: run for run in read.search_runs([study.experiment_id])}
    assert len(runs) == 1 + len(data.experiments)
    whole, one, failed = runs["made-up"], runs["x1"], runs["x2"]
    steps = read.get_metric_history(whole.info.run_id, "measured")
    assert sorted((each.step, each.value) for each in steps)[:2] == [(0, 3.25), (1, 3.0)]
    assert one.data.metrics["believed"] == pytest.approx(3.0)
    assert one.data.metrics["fresh_low"] == pytest.approx(0.15)
    assert (one.data.tags["certified"], failed.data.tags["certified"]) == ("True", "False")
    assert one.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert failed.info.status == "FAILED"
    assert len(read.get_metric_history(one.info.run_id, "trial")) == 2
    assert list(home.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_wandb_gets_an_offline_run_for_each_table(tmp_path: Path, home: Path) -> None:
    imported("wandb")
    data = exported(hypotheses=HOSTILE)
    write_wandb(data, tmp_path)
    for table in data.tables:
        (stored,) = (tmp_path / table.name).glob("offline-run-*/run-*.wandb")
        records = list(wandb_records(stored))
        history = [items(each.history.item) for each in records if each.HasField("history")]
        wanted = [
            {name: value for name, value in row.items() if value is not None}
            for row in table.rows()
        ]
        assert [
            {name: told[name] for name in row} for told, row in zip(history, wanted, strict=True)
        ] == wanted
        summary: dict[str, Any] = {}
        for each in records:
            if each.HasField("summary"):
                summary |= items(each.summary.update)
        assert summary["champion.certified"] is True
        assert summary["baseline.measured"] == 3.25
    files = {each.name for each in tmp_path.rglob("*") if each.is_file()}
    assert all(name.startswith("run-") for name in files)
    assert list(home.iterdir()) == []


def items(found: Any) -> dict[str, Any]:
    return {each.key or ".".join(each.nested_key): json.loads(each.value_json) for each in found}


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of a transaction log, by wandb's own messages. Its frames are those of LevelDB's log."""
    messages = imported("wandb.proto.wandb_internal_pb2")
    data, at, block, record = path.read_bytes(), 7, 32768, b""
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part of one
            yield messages.Record.FromString(record)
            record = b""


def test_a_missing_client_is_a_sentence_that_names_the_extra() -> None:
    with pytest.raises(Move37Error, match=r"needs the package nowhere.*move37\[export\]"):
        client("nowhere_to_be_found", "nowhere", "an export")


def test_what_a_client_is_told_by_its_environment_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    with environment({"WANDB_MODE": "offline", "NEW_ONE": "1"}):
        pass
    assert os.environ["WANDB_MODE"] == "online"
    assert "NEW_ONE" not in os.environ
