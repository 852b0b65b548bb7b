"""What `init` finds by itself in the directories that people have, and what it asks."""

import resource
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from move37.core.errors import TaskError
from move37.core.records import Direction
from move37.tasks.detect import load_or_detect, plan_init
from move37.tasks.draft import Draft, render, write_task
from move37.tasks.toml import load_task


def put(root: Path, files: Mapping[str, str]) -> list[str]:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return sorted(files)


def plan(root: Path, files: Mapping[str, str]) -> Draft:
    return plan_init(root, put(root, files))


def keys(draft: Draft) -> list[str]:
    return [question.key for question in draft.questions]


AUTORESEARCH = {
    "prepare.py": 'CACHE = os.path.join(os.path.expanduser("~"), ".cache", "autoresearch")',
    "train.py": 'print("---")\nprint(f"val_bpb:          {val_bpb:.6f}")\nprint(f"depth: {d}")',
    "program.md": '# autoresearch\n\nRun `grep "^val_bpb:" run.log`. Get the lowest val_bpb.\n',
    "README.md": "hello",
}


# --- karpathy/autoresearch -----------------------------------------------------------------------


def test_an_autoresearch_directory_already_is_a_task(tmp_path: Path) -> None:
    task = load_or_detect(tmp_path, put(tmp_path, AUTORESEARCH))
    assert task.files.edit == ("train.py",)
    assert task.evaluate.run == "python train.py"
    assert task.evaluate.timeout_seconds == 600
    assert (task.metric.name, task.metric.direction) == ("val_bpb", Direction.MINIMIZE)
    assert task.goal == "Lower val_bpb."
    assert not (tmp_path / "move37.toml").exists()


def test_an_autoresearch_directory_with_a_lock_file_runs_with_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").write_text("#!/bin/sh\n")
    (tmp_path / "bin/uv").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    files = {**AUTORESEARCH, "pyproject.toml": "", "uv.lock": ""}
    assert load_or_detect(tmp_path, put(tmp_path, files)).evaluate.run == "uv run train.py"


def test_that_python_stands_in_for_uv_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    draft = plan_init(
        tmp_path, put(tmp_path, {**AUTORESEARCH, "pyproject.toml": "", "uv.lock": ""})
    )
    assert draft.task().evaluate.run == "python train.py"
    assert [said.partition(":")[0] for said in draft.warnings] == [
        "there is a uv.lock, and uv is not installed"
    ]


def test_an_environment_beside_the_program_is_used_as_it_is(tmp_path: Path) -> None:
    paths = put(tmp_path, {**AUTORESEARCH, "pyproject.toml": "", "uv.lock": ""})
    put(tmp_path, {"home/python/bin/python3": "", ".venv/pyvenv.cfg": ""})
    (tmp_path / ".venv/bin").mkdir()
    (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "home/python/bin/python3")
    task = load_or_detect(tmp_path, paths)
    assert task.evaluate.run == ".venv/bin/python train.py"
    assert task.files.link == (".venv/",)
    assert task.fence.read == (str(tmp_path / "home/python"),)


def test_data_beside_the_program_is_linked_and_a_cache_at_home_is_let_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.cache/autoresearch").mkdir(parents=True)
    (tmp_path / "task/data").mkdir(parents=True)
    task = load_or_detect(tmp_path / "task", put(tmp_path / "task", AUTORESEARCH))
    assert task.files.link == ("data/",)
    assert task.fence.read == (str(tmp_path / "home/.cache/autoresearch"),)
    assert task.fence.env == ("HOME",)


def test_a_fork_with_another_metric_is_read_from_its_program(tmp_path: Path) -> None:
    program = '# trader\n\nGet the highest pnl.\n\n    grep "^pnl:\\|^ok:" run.log\n'
    files = {**AUTORESEARCH, "program.md": program, "train.py": 'print(f"pnl: {x}")'}
    metric = load_or_detect(tmp_path, put(tmp_path, files)).metric
    assert (metric.name, metric.direction) == ("pnl", Direction.MAXIMIZE)


def test_a_written_task_comes_before_a_known_layout(tmp_path: Path) -> None:
    paths = put(tmp_path, AUTORESEARCH)
    write_task(plan_init(tmp_path, paths).answer("evaluate.timeout", "5s"))
    assert load_or_detect(tmp_path, paths).evaluate.timeout_seconds == 5


def test_anything_else_without_a_file_is_no_task(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"no move37\.toml in .*; run `move37 init` to write one"):
        load_or_detect(tmp_path, put(tmp_path, {"train.py": "", "prepare.py": ""}))
    with pytest.raises(TaskError, match="does not exist"):
        load_or_detect(tmp_path / "gone", [])


# --- other layouts -------------------------------------------------------------------------------

LAYOUTS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "a program that prints name and value": (
        {"train.py": 'for s in r:\n    print(f"step {s}: loss {l}")\nprint(f"val_loss: {v}")'},
        {"run": "python train.py", "edit": ("train.py",), "metric": "val_loss", "goal": "minimize"},
    ),
    "a program that prints METRIC": (
        {"solve.py": 'print("score: ", 1)\nprint(f"METRIC packed_sum={x}")'},
        {"run": "python solve.py", "metric": "packed_sum", "goal": "maximize"},
    ),
    "a program that prints JSON": (
        {"main.py": 'import json\nprint(json.dumps({"n": n, "accuracy": acc}))'},
        {"run": "python main.py", "metric": "accuracy", "goal": "maximize"},
    ),
    "a program that prints a sentence": (
        {"only.py": 'print(f"Final test accuracy: {acc:.2f}%")'},
        {"run": "python only.py", "metric": "accuracy", "goal": "maximize"},
    ),
    "a program and what it imports": (
        {"train.py": 'import model, data\nprint(f"loss: {x}")', "model.py": "", "data.py": ""},
        {"edit": ("train.py", "model.py"), "metric": "loss"},
    ),
    "a program and its settings": (
        {
            "train.py": 'json.load(open("conf/model_config.json"))\nprint(f"loss: {x}")',
            "conf/model_config.json": "{}",
            "words.json": "",
        },
        {"edit": ("train.py", "conf/model_config.json")},
    ),
    "a script that judges settings": (
        {"evaluate.py": 'open("config.yaml")\nprint(f"accuracy: {x}")', "config.yaml": ""},
        {"run": "python evaluate.py", "edit": ("config.yaml",), "metric": "accuracy"},
    ),
    "pi-autoresearch": (
        {".auto/measure.sh": 'python fib.py\necho "METRIC total_ms=$ms"', "fib.py": "x"},
        {"run": "bash .auto/measure.sh", "edit": ("fib.py",), "metric": "total_ms"},
    ),
    "OpenEvolve": (
        {
            "initial_program.py": "# EVOLVE-BLOCK-START",
            "evaluator.py": 'def evaluate(program_path):\n    return {"combined_score": x}',
        },
        {
            "run": "python .move37/shims/openevolve.py evaluator.py initial_program.py "
            "--features complexity,diversity",
            "edit": ("initial_program.py",),
            "metric": "combined_score",
            "goal": "maximize",
        },
    ),
    "a program and a scorer": (
        {
            "solve.py": "",
            "score.py": 'os.environ["MOVE37_OUT"]\nprint(f"score: {s}")',
            "hidden/answers": "",
        },
        {
            "run": "python solve.py",
            "score": "python score.py",
            "hide": ("hidden/",),
            "metric": "score",
        },
    ),
    "a score that imports the program": (
        {"solve.py": "", "score.py": 'import solve\nprint(f"score: {s}")'},
        {"run": "python score.py", "score": None, "edit": ("solve.py",), "metric": "score"},
    ),
    "a benchmark script": (
        {"bench.py": "from src.fast import f\nprint('seconds:', t)", "src/fast.py": ""},
        {"run": "python bench.py", "edit": ("src/fast.py",), "metric": "seconds"},
    ),
    "a benchmark in its own directory": (
        {"benchmarks/parse.py": 'print(f"parse_ms: {t}")', "src/parse.py": "", "src/b.py": ""},
        {"run": "python benchmarks/parse.py", "edit": ("src/",), "metric": "parse_ms"},
    ),
    "a shell script": (
        {"eval.sh": 'python -m app.py\necho "latency_ms: $x"', "app.py": ""},
        {"run": "bash eval.sh", "edit": ("app.py",), "goal": "minimize"},
    ),
    "an npm script": (
        {
            "package.json": '{"scripts": {"bench": "node bench/run.js", "test": "vitest"}}',
            "bench/run.js": "console.log(`ops_per_sec: ${n}`)",
            "bench/other.js": "",
            "src/index.js": "",
        },
        {
            "run": "npm run --silent bench",
            "edit": ("src/",),
            "metric": "ops_per_sec",
            "goal": "maximize",
            "checks": ("npm test --silent",),
        },
    ),
    "a make target": (
        {
            "Makefile": "CC := gcc\nall: x\n\nbench: x\n\tpython model.py\ntest:\n\tx\n",
            "model.py": 'print(f"rmse: {e}")',
            "other.py": "",
        },
        {
            "run": "make --silent bench",
            "edit": ("model.py",),
            "metric": "rmse",
            "checks": ("make --silent test",),
        },
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_common_layout_needs_no_answers(tmp_path: Path, name: str) -> None:
    files, expected = LAYOUTS[name]
    draft = plan(tmp_path, files)
    assert keys(draft) == []
    task = draft.task()
    found = {
        "run": task.evaluate.run,
        "score": task.evaluate.score,
        "edit": task.files.edit,
        "hide": task.files.hide,
        "metric": task.metric.name,
        "goal": task.metric.direction.value,
        "checks": tuple(check.command for check in task.checks),
    }
    assert {key: found[key] for key in expected} == expected
    write_task(draft)
    assert load_task(tmp_path) == task


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"tests/test_it.py": ""}, "python -m pytest -q"),
        ({"Cargo.toml": "", "src/lib.rs": ""}, "cargo test --quiet --offline"),
        ({"go.mod": "", "a_test.go": ""}, "go test ./..."),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, "npm test --silent"),
        ({"Makefile": "check:\n\tx\n"}, "make --silent check"),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\""}}'}, None),
        ({"package.json": "[" * 100_000}, None),
        ({"package.json": '{"scripts": 3}'}, None),
    ],
)
def test_the_tests_of_a_project_become_its_check(
    tmp_path: Path, files: dict[str, str], command: str | None
) -> None:
    draft = plan(tmp_path, {"train.py": 'print(f"loss: {x}")', **files})
    checks = draft.task().checks
    assert [check.command for check in checks] == ([] if command is None else [command])


# --- questions -----------------------------------------------------------------------------------


def test_what_cannot_be_found_is_asked(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"a.c": "", "b.c": "", "go.sh": ""})
    assert keys(draft) == ["evaluate.run", "files.edit", "metric.name", "metric.goal"]
    assert draft.questions[0].choices == ("bash go.sh",)
    assert draft.questions[1].choices == ("a.c", "b.c", "go.sh")


def test_files_of_settings_are_offered_where_there_is_no_program_to_change(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"evaluate.py": "open('a.json')", "a.json": "{}", "b.yaml": ""})
    assert draft.questions[0].choices == ("a.json", "b.yaml")


def test_a_target_that_only_compiles_measures_nothing(tmp_path: Path) -> None:
    build = "bench: main.c\n\t@mkdir -p out\n\t$(CC) $(CFLAGS) -o $@ $<\n"
    makefile = f"CC = cc\nall: bench\n{build}run: bench\n\t./bench\n"
    files = {"Makefile": makefile, "main.c": r'printf("n: %d\n", n); printf("time: %.4f s\n", t);'}
    task = plan(tmp_path, files).task()
    assert task.evaluate.run == "make --silent run"
    assert task.files.edit == ("main.c",)
    assert (task.metric.name, task.metric.direction) == ("time", Direction.MINIMIZE)


def test_answers_complete_the_draft(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"a.c": "", "b.c": ""})
    draft = draft.answer("evaluate.run", "./go").answer("files.edit", "a.c, b.c")
    draft = draft.answer("metric.name", "quux").answer("metric.goal", "maximize")
    task = draft.answer("budget.experiments", "30").answer("evaluate.pair", "true").task()
    assert task.files.edit == ("a.c", "b.c")
    assert task.budget.experiments == 30
    assert task.evaluate.pair
    assert task.goal == "Raise quux."


def test_the_name_of_a_metric_mostly_says_which_way_is_better(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"a.c": "", "b.c": ""})
    assert keys(draft.answer("metric.name", "val_loss")) == ["evaluate.run", "files.edit"]
    assert "metric.goal" in keys(draft.answer("metric.name", "quux"))


def test_several_likely_metrics_are_offered(tmp_path: Path) -> None:
    text = 'print(f"val_loss: {a}")\nprint(f"val_accuracy: {b}")\nprint(f"lr: {c}")'
    draft = plan(tmp_path, {"train.py": text})
    assert keys(draft) == ["metric.name", "metric.goal"]
    assert draft.questions[0].choices == ("val_accuracy", "val_loss")
    assert draft.questions[0].default == "val_accuracy"
    assert draft.with_defaults().task().metric.direction is Direction.MAXIMIZE
    assert draft.answer("metric.name", "val_loss").task().metric.direction is Direction.MINIMIZE


def test_yes_fails_with_what_could_not_be_found(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"a.c": "", "b.c": ""})
    with pytest.raises(TaskError) as caught:
        draft.with_defaults()
    assert str(caught.value) == (
        f"could not find evaluate.run, files.edit, metric.name, metric.goal in {tmp_path}; "
        'write move37.toml with run = "python train.py" in [evaluate], '
        "or run `move37 init` to be asked"
    )
    with pytest.raises(TaskError, match=r"could not find evaluate\.run"):
        render(draft)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("metric.goal", "down", "the answer for metric.goal: metric.goal is 'down'"),
        ("files.edit", "../x", "which leads outside the task"),
        ("files.edit", " , ", "files.edit is empty"),
        ("evaluate.run", "", "evaluate.run is empty"),
        ("evaluate.cpus", "many", "must be a whole number, not the text 'many'"),
        ("budget.hours", "nan", "budget.hours is nan; it must be finite"),
        ("evaluate.walltime", "1s", "'evaluate.walltime' is no question about a task; known: name"),
        ("proposer.kind", "x", "'proposer.kind' is no question"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(
    tmp_path: Path, key: str, value: str, says: str
) -> None:
    with pytest.raises(TaskError) as caught:
        plan(tmp_path, {"a.c": ""}).answer(key, value)
    assert says in str(caught.value)


def test_a_person_is_told_what_was_concluded(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"eval.py": 'import sort\nprint(f"loss: {x}")', "sort.py": ""})
    assert draft.found == (
        "eval.py measures",
        "sort.py may change",
        "the metric is loss, and lower is better",
    )


def test_a_program_that_judges_itself_comes_with_a_warning(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"train.py": 'print(f"loss: {x}")', "test_x.py": ""})
    assert draft.found == (
        "train.py looks like the program",
        "train.py may change",
        "the metric is loss, and lower is better",
        "train.py prints its own number, so a change may cheat (a smaller problem, an easier test): "
        "mark such lines `# move37: off`, or let a `score` command judge",
        "`python -m pytest -q` must pass",
    )


# --- writing -------------------------------------------------------------------------------------


def test_an_existing_task_file_is_never_overwritten(tmp_path: Path) -> None:
    paths = put(tmp_path, {"train.py": 'print(f"loss: {x}")'})
    draft = plan_init(tmp_path, paths)
    put(tmp_path, {"move37.toml": "mine"})
    for attempt in (lambda: plan_init(tmp_path, paths), lambda: write_task(draft)):
        with pytest.raises(TaskError, match=r"move37\.toml is there already; edit it, or remove"):
            attempt()
    assert (tmp_path / "move37.toml").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["move37.toml", "train.py"]


def test_a_dangling_link_of_that_name_is_not_followed(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"train.py": 'print(f"loss: {x}")'})
    (tmp_path / "move37.toml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TaskError, match="is there already"):
        write_task(draft)
    assert not (tmp_path / "elsewhere").exists()


def test_an_empty_directory_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="there is nothing here to improve"):
        plan_init(tmp_path, [])
    with pytest.raises(TaskError, match="does not exist"):
        plan_init(tmp_path / "gone", [])


def test_binary_huge_and_missing_files_are_looked_past(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(b"print(f'loss: {x}')\0")
    (tmp_path / "main.py").write_text("#" * 1_000_000)
    draft = plan_init(tmp_path, ["main.py", "gone.py", "train.py"])
    assert keys(draft) == ["metric.name", "metric.goal"]


def test_a_directory_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    draft = plan(tmp_path / "task", {"train.py": 'print(f"loss: {x}")'})
    shutil.rmtree(tmp_path / "task")
    with pytest.raises(TaskError, match=r"move37\.toml cannot be written \(No such file"):
        write_task(draft)


def test_a_full_disk_leaves_no_half_written_file(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"train.py": 'print(f"loss: {x}")'})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(TaskError, match=r"cannot be written \(File too large\); make room"):
            write_task(draft)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "move37.toml").exists()


# --- what the eye of a person would see, too -----------------------------------------------------


def test_a_metric_whose_name_does_not_say_leaves_one_question(tmp_path: Path) -> None:
    draft = plan(tmp_path, {"train.py": 'print(f"quux: {x}")'})
    assert keys(draft) == ["metric.goal"]
    assert draft.answer("metric.goal", "minimize").task().goal == "Lower quux."


def test_an_autoresearch_fork_that_names_no_metric_is_read_from_its_program_text(
    tmp_path: Path,
) -> None:
    files = {**AUTORESEARCH, "program.md": "# x\n", "train.py": 'print(f"reward: {r}")'}
    metric = load_or_detect(tmp_path, put(tmp_path, files)).metric
    assert (metric.name, metric.direction) == ("reward", Direction.MAXIMIZE)


def test_a_metric_that_is_printed_in_a_sentence_gets_its_regex_with_the_answer(
    tmp_path: Path,
) -> None:
    text = 'print(f"The loss: {a} %")\nprint(f"The accuracy: {b} %")'
    draft = plan(tmp_path, {"train.py": text}).answer("metric.name", "loss")
    assert draft.task().metric.regex is not None


@pytest.mark.parametrize(
    ("script", "imports", "edit"),
    [
        ("bench.py", "import pkg.core", ("pkg/",)),
        ("bench.py", "from . import fast\nfrom .fast import x", ("fast.py",)),
        ("bench.mjs", 'import { f } from "./lib/fast.mjs"', ("lib/fast.mjs",)),
        ("bench.js", "const f = require('./fast')", ("fast.js",)),
        ("pkg/bench.py", "import pkg.inner", ("pkg/inner.py",)),
    ],
)
def test_what_a_benchmark_imports_may_change(
    tmp_path: Path, script: str, imports: str, edit: tuple[str, ...]
) -> None:
    files = [
        "pkg/__init__.py",
        "fast.py",
        "lib/fast.mjs",
        "fast.js",
        "unrelated.py",
        "pkg/inner.py",
    ]
    draft = plan(tmp_path, {script: imports, **dict.fromkeys(files, "")})
    assert draft.document["files"]["edit"] == list(edit)


def test_a_marked_program_is_the_one_to_change(tmp_path: Path) -> None:
    files = {
        "circles.py": "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n",
        "helper.py": "",
        "evaluator.py": 'def evaluate(path):\n    return {"score": 1.0 * x}\n',
    }
    assert plan(tmp_path, files).task().files.edit == ("circles.py",)


def test_programs_in_hidden_directories_are_no_sources(tmp_path: Path) -> None:
    draft = plan(tmp_path, {".github/release.sh": "", "a.c": "", "b.c": ""})
    assert draft.questions[1].choices == ("a.c", "b.c")


def test_tests_inside_a_package_stay_out_of_what_may_change(tmp_path: Path) -> None:
    files = ["pkg/__init__.py", "pkg/core.py", "pkg/tests/test_core.py", "pkg/data.txt"]
    draft = plan(tmp_path, {"bench.py": "import pkg", **dict.fromkeys(files, "")})
    assert draft.document["files"]["edit"] == ["pkg/__init__.py", "pkg/core.py"]


def test_what_a_target_builds_and_runs_tells_what_is_printed(tmp_path: Path) -> None:
    files = {
        "Makefile": "bench: build/bench\n\t@./build/bench\n\nbuild/%: %.c src/a.c\n\t@$(CC) -o $@ $^\n",
        "bench.c": 'int main(void) { printf("probes: %d\\n", probes); printf("table_kb: %d\\n", kb); }\n',
        "test.c": "int main(void) { return 0; }\n",
        "src/a.c": "int size = 64;\n",
    }
    draft = plan(tmp_path, files).with_defaults()
    assert draft.document["files"]["edit"] == ["src/"]
    assert draft.document["metric"] == {"name": "probes", "goal": "minimize"}
    assert "metric.name is guessed: probes rather than table_kb" in draft.found[-1]


def test_a_prompt_that_an_evaluator_names_is_what_may_change(tmp_path: Path) -> None:
    files = {
        "evaluate.py": 'import client\nprompt = open("prompts/ask.txt").read()\nprint(f"accuracy: {a}")\n',
        "client.py": "",
        "prompts/ask.txt": "Say {x}.\n",
    }
    draft = plan(tmp_path, files)
    assert draft.document["files"]["edit"] == ["prompts/ask.txt"]


def test_whatever_leaves_something_for_the_scorer_is_the_program(tmp_path: Path) -> None:
    files = {
        "pack.sh": 'tar -cf "$MOVE37_OUT/a.tar" data\n',
        "score.sh": 'echo "bytes: $(wc -c < "$MOVE37_OUT/a.tar")"\n',
    }
    draft = plan(tmp_path, files)
    assert draft.document["evaluate"] == {"run": "bash pack.sh", "score": "bash score.sh"}
    assert draft.document["files"]["edit"] == ["pack.sh"]
