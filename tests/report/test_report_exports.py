"""The tables of an export, as CSV and results.tsv, and the directory that appears whole or not at all."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from exported_study import FORMULA, HOSTILE, export_of, exported

from move37.core.errors import HomeError, Unwritable
from move37.report.exports.build import MOST_METRICS, column_docs
from move37.report.exports.csv_files import write_csv
from move37.report.exports.tables import about
from move37.report.exports.tsv_file import write_tsv
from move37.report.exports.whole import MARK, whole_directory
from move37.testing.histories import MadeUpStudy, made_up_task


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_values_are_the_metrics_own_and_effects_positive_where_better(tmp_path: Path) -> None:
    write_csv(exported(), tmp_path)
    rows = read_csv(tmp_path / "experiments.csv")
    assert [row["state"] for row in rows] == [
        "measured",
        "measured",
        "failed",
        "measured",
        "measured",
    ]
    assert float(rows[1]["measured"]) == 3.0
    assert float(rows[1]["believed"]) == pytest.approx(3.0)
    assert float(rows[1]["effect"]) == pytest.approx(0.25)
    assert float(rows[1]["believed_sd"]) > 0
    assert rows[1]["is_champion"] == "true"
    assert rows[2]["measured"] == ""
    assert rows[2]["failure"] == "run: it exited with 1"


def test_only_what_a_certificate_claims_is_certified(tmp_path: Path) -> None:
    write_csv(exported(), tmp_path)
    rows = read_csv(tmp_path / "experiments.csv")
    assert [row["certified"] for row in rows] == ["false", "true", "false", "false", "false"]
    assert (float(rows[1]["fresh_low"]), float(rows[1]["fresh_high"])) == pytest.approx(
        (0.15, 0.25)
    )
    assert rows[3]["verdict"] == "better"
    assert rows[3]["fresh_effect"] == ""


def test_a_certificate_without_a_claim_is_told_as_evidence_only(tmp_path: Path) -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.0)
    study.experiment(2.9)
    study.certificate(1, effect=0.1, margin=0.2, claim=False, base=3.0)
    write_csv(export_of(study), tmp_path)
    row = read_csv(tmp_path / "experiments.csv")[1]
    assert (row["certified"], float(row["fresh_effect"])) == ("false", pytest.approx(0.1))


def test_trials_are_the_second_table_with_a_column_for_each_side_metric(tmp_path: Path) -> None:
    data = exported()
    write_csv(data, tmp_path)
    rows = read_csv(tmp_path / "trials.csv")
    assert len(rows) == len(data.trials) == 7
    assert rows[-1]["experiment"] == "4"
    told = [row for row in rows if row["metric.rss"]]
    assert [(row["experiment"], row["metric.rss"], row["metric.a,b"]) for row in told] == [
        ("1", "7.5", "1.0")
    ]
    assert float(told[0]["ended_at"]) > 1_000_000


def test_numbers_come_back_as_the_very_same_numbers(tmp_path: Path) -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(0.1 + 0.2)
    study.experiment(1e-300, hypothesis="tiny")
    write_csv(export_of(study), tmp_path)
    rows = read_csv(tmp_path / "trials.csv")
    assert [float(row["value"]) for row in rows] == [0.1 + 0.2, 1e-300]


def test_text_that_means_harm_is_one_line_and_no_formula(tmp_path: Path) -> None:
    write_csv(exported(hypotheses=HOSTILE), tmp_path)
    data = (tmp_path / "experiments.csv").read_bytes()
    assert b"\0" not in data
    said = [row["hypothesis"] for row in read_csv(tmp_path / "experiments.csv")][3:]
    assert said[0] == f"'{FORMULA}"
    assert said[1:5] == ["'+1", "'-1+1", "'@SUM(A1)", "'=1"]
    assert said[5:] == ["two lines and\ufffdmore", "half \ufffd a character", "ﬁ 🧪 ±"]


def test_names_of_metrics_are_harmless_too_and_no_two_alike(tmp_path: Path) -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.0)
    study.trial(0, 3.0, metrics={"a\u200eb": 1.0, "a\ufffdb": 2.0, "=1": 3.0})
    write_csv(export_of(study), tmp_path)
    (row,) = [each for each in read_csv(tmp_path / "trials.csv") if each["index"] == "1"]
    found = {name: value for name, value in row.items() if name.startswith("metric.")}
    assert found == {"metric.=1": "3.0", "metric.a\ufffdb": "1.0", "metric.a\ufffdb_2": "2.0"}


def test_a_program_that_prints_any_number_of_names_gets_so_many_columns() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.0)
    study.trial(0, 3.0, metrics={f"m{number}": 1.0 for number in range(3 * MOST_METRICS)})
    trials = export_of(study).trials
    assert sum(each.name.startswith("metric.") for each in trials.columns) == MOST_METRICS
    assert trials.left_out
    assert json.loads(about(export_of(study), "csv"))["tables"]["trials"]["left_out"]


def test_results_tsv_is_that_of_autoresearch(tmp_path: Path) -> None:
    write_tsv(exported(hypotheses=(FORMULA,)), tmp_path)
    lines = (tmp_path / "results.tsv").read_text().splitlines()
    assert lines[0] == "commit\tval_bpb\tmemory_gb\tstatus\tdescription"
    assert lines[1] == "c0\t3.250000\t0.1\tkeep\tbaseline"
    assert lines[4].split("\t")[-1] == f"'{FORMULA}"


# --- the directory -------------------------------------------------------------------------------


def made(path: Path, text: str, *, replace: bool = False) -> None:
    with whole_directory(path, replace=replace) as directory:
        (directory / MARK).write_text(text)


def test_an_earlier_export_is_replaced_only_by_force(tmp_path: Path) -> None:
    made(tmp_path / "out", "one")
    with pytest.raises(HomeError, match="--force"):
        made(tmp_path / "out", "two")
    assert (tmp_path / "out" / MARK).read_text() == "one"
    made(tmp_path / "out", "two", replace=True)
    assert (tmp_path / "out" / MARK).read_text() == "two"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_what_is_no_export_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    for name in ("thesis", "file"):
        with pytest.raises(HomeError, match="no export of ours"):
            made(tmp_path / name, "two", replace=True)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"


def test_an_export_that_fails_leaves_nothing_and_the_earlier_one_whole(tmp_path: Path) -> None:
    made(tmp_path / "out", "one")

    def fail() -> None:
        with whole_directory(tmp_path / "out", replace=True) as directory:
            (directory / "half").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(Unwritable, match="No space left"):
        fail()
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / MARK).read_text() == "one"


KILLED = """
import sys
from pathlib import Path
from move37.report.exports.whole import whole_directory
with whole_directory(Path(sys.argv[1]), replace=True) as directory:
    (directory / "half").write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_an_export_that_is_killed_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        made(tmp_path / "out", "first")  # beside a writer that lives, whose directory stays
        assert len(list(tmp_path.glob(".out.unfinished-*"))) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / "out" / MARK).read_text() == "first"
    assert len(list(tmp_path.glob(".out.unfinished-*"))) == 1
    made(tmp_path / "out", "second", replace=True)
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_the_page_says_what_each_column_means() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    for columns in column_docs().values():
        for name, kind, doc in columns:
            assert f"| `{name}` | {kind} | {doc} |" in page
