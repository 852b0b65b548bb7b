"""The `template` task: a judge that compares every text, and reads the clock from outside.

The quick tests judge a small library of our own in the place of the one that is fetched.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from move37 import app, gallery
from move37.core.errors import Move37Error

TASK = Path(gallery.__file__).parent / "template" / "task"

LIBRARY = """\
import json


class Renderer:
    def __init__(self, partials):
        self.partials = partials

    def render(self, template, context):
        work = [json.dumps(context, sort_keys=True) for _ in range(8)]
        return template + work[0]
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The task with our library, and each version started once instead of ten times."""
    directory = tmp_path / "task"
    shutil.copytree(TASK, directory)
    shutil.copy(TASK.parents[1] / "common" / "task" / "fence.py", directory)
    for place in ("pystache", "original/pystache"):
        (directory / place / "tests").mkdir(parents=True)
        (directory / place / "__init__.py").write_text(LIBRARY)
    text = (directory / "prepare.py").read_text()
    assert "ROUNDS = 10" in text
    (directory / "prepare.py").write_text(text.replace("ROUNDS = 10", "ROUNDS = 1"))
    done = ask(directory, "prepare.py")
    assert done.returncode == 0, done.stderr
    return directory


def ask(task: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=task,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def judged(task: Path, library: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    if library is not None:
        (task / "pystache" / "__init__.py").write_text(library)
    return ask(task, "-P", "prepare.py", "score", **env)


def figures(done: subprocess.CompletedProcess[str]) -> Mapping[str, float]:
    assert done.returncode == 0, done.stderr
    return {name: float(value) for name, value in re.findall(r"(\w+): (\S+)", done.stdout)}


def test_a_version_with_an_eighth_of_the_work_takes_less_time(task: Path) -> None:
    metrics = figures(judged(task, LIBRARY.replace("range(8)", "range(1)"), MOVE37_HOLDOUT="1"))
    assert set(metrics) == {"speedup", "relative_time", "holdout_relative_time"}
    assert metrics["relative_time"] < 0.7
    assert metrics["speedup"] == pytest.approx(1 / metrics["relative_time"], rel=1e-3)
    assert "holdout_relative_time" not in figures(judged(task))


def test_every_trial_renders_other_values_and_equal_seeds_the_same(task: Path) -> None:
    asks = "import workload, sys; print(workload.cases(int(sys.argv[1])))"
    first, again, other = (ask(task, "-c", asks, seed).stdout for seed in "001")
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("template + work[0]", "template + work[0] + ' '"), "renders another text"),
        (("template + work[0]", "template"), "renders another text"),
        (("template + work[0]", "1 / 0"), "rendering raised ZeroDivisionError"),
        (("import json", "import nothing_of_that_name"), "ModuleNotFoundError"),
        (("import json", "import json, os; os._exit(0)"), "ended without an answer"),
        (("import json", "import json, sys; sys.exit(0)"), "SystemExit"),
        (("template + work[0]", "'x' * (1 << 20)"), "too long"),
        # It answers for itself, with what nobody can know.
        (
            (
                "import json",
                "import json, os; [os.write(n, b'[]\\n') for n in range(3, 9) if os.path]",
            ),
            "",
        ),
    ],
)
def test_a_version_that_renders_something_else_gets_no_number(
    task: Path, change: tuple[str, str], complaint: str
) -> None:
    done = judged(task, LIBRARY.replace(*change))
    assert done.returncode == 1
    assert complaint in done.stderr
    assert done.stdout == ""


def test_a_version_cannot_print_its_own_figure(task: Path) -> None:
    prints = "import json, sys\nprint('relative_time: 0.001', flush=True)\nprint('relative_time: 0.001', file=sys.stderr)"
    metrics = figures(judged(task, LIBRARY.replace("import json", prints)))
    assert metrics["relative_time"] > 0.5


def test_turning_the_clock_back_does_not_help(task: Path) -> None:
    patch = "import json, time\ntime.process_time = time.perf_counter = time.time = lambda: 0.0\ntime.clock_gettime = lambda clock: 0.0"
    metrics = figures(judged(task, LIBRARY.replace("import json", patch)))
    assert metrics["relative_time"] > 0.5


def test_a_version_starts_no_helpers_and_reads_and_writes_no_files(task: Path) -> None:
    """Each success makes its texts wrong."""
    attack = dedent(
        f"""
        import json, os, threading
        got = []
        def attempt(what, does):
            try:
                does()
            except (OSError, RuntimeError):
                return
            got.append(what)
        if os.getuid():
            attempt("fork", os.fork)
            attempt("thread", threading.Thread(target=list).start)
        attempt("hidden", lambda: open({str(task / "holdout" / "templates.json")!r}).read())
        attempt("judge", lambda: open(f"/proc/{{os.getppid()}}/mem", "rb"))
        attempt("environment", lambda: open(f"/proc/{{os.getppid()}}/environ", "rb"))
        attempt("write", lambda: open({str(task / "out.txt")!r}, "w"))
        """
    )
    library = LIBRARY.replace("import json\n", attack)
    library = library.replace("template + work[0]", "template + work[0] + ' '.join(got)")
    done = judged(task, library)
    if done.returncode and not landlock():
        pytest.skip("this kernel has no Landlock: files are kept by the sandbox alone")
    assert figures(done)["relative_time"] > 0.5


def landlock() -> bool:
    import ctypes

    return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) > 0


def test_the_hold_out_has_other_templates_that_are_made_once(task: Path) -> None:
    hidden = task / "holdout" / "templates.json"
    before = hidden.read_bytes()
    pages = json.loads(before)["pages"].values()
    assert not set(pages) & set(
        re.findall(r'"""\\\n(.*?)"""', (task / "workload.py").read_text(), re.S)
    )
    assert ask(task, "prepare.py").returncode == 0
    assert hidden.read_bytes() == before


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    shutil.copy(TASK / "prepare.py", tmp_path / "task")
    (tmp_path / "task" / "pystache-0.6.8.tar.gz").write_bytes(b"something else")
    with pytest.raises(Move37Error, match="its SHA-256 differs"):
        gallery.install("template", tmp_path / "task")


def test_without_an_index_the_task_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(Move37Error, match=r"could not be fetched .* put that file into"):
        gallery.install("template", tmp_path / "task")


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task with its real library."""
    directory = tmp_path_factory.mktemp("gallery") / "template"
    try:
        gallery.install("template", directory)
    except Move37Error as error:
        pytest.skip(f"it needs the package index: {error}")
    return directory


@pytest.mark.slow
def test_the_library_passes_its_own_tests_and_is_as_fast_as_itself(fetched: Path) -> None:
    tests = ask(fetched, "-m", "unittest", "discover", "-q", "-s", "pystache/tests", "-t", ".")
    assert tests.returncode == 0, tests.stderr
    assert "Ran 255 tests" in tests.stderr
    assert figures(judged(fetched))["relative_time"] == pytest.approx(1, abs=0.2)


@pytest.mark.slow
def test_the_obvious_cache_fails_the_tests_and_the_careful_one_does_not(
    fetched: Path, tmp_path: Path
) -> None:
    """`parse` rests on a setting that the tests change."""
    from move37.proposers.source.python_speed import with_needs
    from move37.proposers.source.sites import Edit, Sites, apply_edits

    task = tmp_path / "task"
    shutil.copytree(fetched, task)
    parser = task / "pystache" / "parser.py"
    source = parser.read_bytes()
    naive = source.replace(b"\ndef parse(", b"\n@functools.lru_cache\ndef parse(")
    parser.write_bytes(naive.replace(b"import re\n", b"import functools\nimport re\n", 1))
    tests = ("-m", "unittest", "discover", "-q", "-s", "pystache/tests", "-t", ".")
    assert ask(task, *tests).returncode == 1
    sites = Sites(speed=True).scan("parser.py", source).sites
    site = next(site for site in sites if site.id == "parser.py:parse.cache")
    text = site.domain.options[1]
    parser.write_bytes(with_needs(apply_edits(source, [Edit(site, text)]), text))
    assert ask(task, *tests).returncode == 0
    # The least disturbed of a few: other work on the machine may hit one side of a trial.
    assert min(figures(judged(task))["relative_time"] for _ in range(4)) < 0.9


@pytest.mark.slow
def test_tune_makes_the_library_faster_and_it_is_certified(fetched: Path, tmp_path: Path) -> None:
    task = tmp_path / "template"
    shutil.copytree(fetched, task)
    settings = app.RunSettings(experiments=15, hours=0.1, workers=1)
    result = app.demo("template", task, settings)
    assert result.certified is not None
    assert result.certified.claim
