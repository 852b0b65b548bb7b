"""`export` on a real study, as a person and a program ask for it."""

import json
import sys
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.faces.cli.home import FORMATS
from move37.faces.cli.main import run_command

SETTINGS = app.RunSettings(experiments=2, workers=1, certify=False, check=False)


def test_a_study_is_exported_beside_its_facts_and_never_over_anything(
    make_task: MakeTask,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = make_task()
    app.run(root, SETTINGS)
    command = ("-C", str(root), "export", "csv", "--json")
    assert run_command([*command]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["files"] == ["experiments.csv", "export.json", "trials.csv"]
    assert Path(told["path"]) == root / ".move37" / "exports" / "csv"
    assert told["experiments"] == 3
    assert told["trials"] >= 3

    assert run_command([*command]) == 2
    assert "--force" in capfd.readouterr().err
    assert run_command([*command, "--force"]) == 0
    assert app.verify(root).ok

    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
        assert run_command(["-C", str(root), "export", "parquet"]) == 2
    assert "move37[export]" in capfd.readouterr().err
    assert [each.name for each in (root / ".move37" / "exports").iterdir()] == ["csv"]

    assert run_command(["-C", str(root), "export", "tsv", "-o", str(tmp_path / "sub" / "tsv")]) == 0
    table = (tmp_path / "sub" / "tsv" / "results.tsv").read_text()
    assert table == f"{app.results(root).text}\n"
    about = json.loads((tmp_path / "sub" / "tsv" / "export.json").read_text())
    assert about["metric"] == {"name": "loss", "goal": "minimize", "min_effect": 0.0}


def test_the_command_line_names_the_formats_that_there_are() -> None:
    assert app.EXPORT_FORMATS == FORMATS


def test_without_a_study_nothing_is_made(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command(["-C", str(tmp_path), "export", "csv", "-o", str(tmp_path / "out")]) == 2
    assert "there is no study" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
