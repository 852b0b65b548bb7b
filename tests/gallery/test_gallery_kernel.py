"""The `kernel` task: a judge that looks at every product, and reads the clock from outside."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from move37 import app, gallery
from move37.core.errors import Move37Error

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="it compiles C: needs gcc")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it only. Each shape is computed three times instead of eleven."""
    if shutil.which("gcc") is None:
        pytest.skip("it compiles C: needs gcc")
    directory = tmp_path_factory.mktemp("gallery") / "kernel"
    gallery.install("kernel", directory)
    prepare = directory / "prepare.py"
    text = prepare.read_text()
    assert "CALLS = 11" in text
    prepare.write_text(text.replace("CALLS = 11", "CALLS = 3"))
    return directory


@pytest.fixture
def task(installed: Path, tmp_path: Path) -> Path:
    """To be changed at will."""
    directory = tmp_path / "task"
    shutil.copytree(installed, directory)
    return directory


def ask(task: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=task,
        env={**os.environ, "MOVE37_OUT": str(task / "out"), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def judged(task: Path, kernel: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    if kernel is not None:
        (task / "kernel.c").write_text(kernel)
    built = ask(task, "build.py")
    assert built.returncode == 0, built.stderr
    return ask(task, "-P", "prepare.py", "score", **env)


def figures(done: subprocess.CompletedProcess[str]) -> Mapping[str, float]:
    assert done.returncode == 0, done.stderr
    return {name: float(value) for name, value in re.findall(r"(\w+): (\S+)", done.stdout)}


HONEST = """
void multiply(int m, int n, int k, const float *a, const float *b, float *c) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int p = 0; p < k; p++) sum += a[i * k + p] * b[p * n + j];
            c[i * n + j] = sum;
        }
}
"""
PRODUCT = "void product(int m, int n, int k, const float *a, const float *b, float *c)"


@needs_gcc
def test_the_kernel_as_it_ships_is_right_and_slower_than_the_library(task: Path) -> None:
    metrics = figures(judged(task, MOVE37_HOLDOUT="1"))
    assert set(metrics) == {"gflops", "blas_gflops", "blas_share", "holdout_blas_share"}
    assert 0 < metrics["blas_share"] < 1
    assert "holdout_blas_share" not in figures(judged(task))


@needs_gcc
@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("{}", "is wrong"),
        ("{ multiply(m, n, k, a, b, c); c[m * n - 1] += 1e-2f; }", "is wrong"),
        ('{ multiply(m, n, k, a, b, c); c[0] = __builtin_nanf(""); }', "is wrong"),
        # Half of the bits of each factor: what a fast unit for small numbers would do.
        (
            "{ for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { float sum = 0;"
            " for (int p = 0; p < k; p++) sum += (float)(_Float16)a[i * k + p] * (float)(_Float16)b[p * n + j];"
            " c[i * n + j] = sum; } }",
            "is wrong",
        ),
        # The last answer again: every call has new matrices.
        (
            "{ static int known; static float *last; if (!last) last = malloc(4 << 20);"
            " if (known != m) { multiply(m, n, k, a, b, last); known = m; } memcpy(c, last, 4l * m * n); }",
            "is wrong",
        ),
        ("{ abort(); }", "ended by signal 6"),
        ("{ *(volatile int *)0 = 1; }", "ended by signal 11"),
        ("{ _exit(0); }", "ended with status 0"),
    ],
)
def test_a_wrong_product_gets_no_number(task: Path, body: str, complaint: str) -> None:
    includes = "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
    done = judged(task, f"{includes}{HONEST}{PRODUCT} {body}\n")
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@needs_gcc
def test_a_kernel_cannot_say_that_it_is_ready_before_it_is(task: Path) -> None:
    """It answers for itself at once, by any descriptor that it finds, and computes behind our back."""
    early = '{ for (int fd = 3; fd < 16; fd++) write(fd, "d", 1); multiply(m, n, k, a, b, c); }'
    done = judged(task, f"#include <unistd.h>\n{HONEST}{PRODUCT} {early}\n")
    assert done.returncode == 1
    assert "is wrong" in done.stderr or "ended" in done.stderr


@needs_gcc
def test_a_kernel_starts_no_helpers_and_reads_and_writes_no_files(task: Path) -> None:
    """What it tries as it is loaded: each success makes its product wrong."""
    hidden = task / "holdout" / "shapes.json"
    tries = f"""
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
static int got;
static void *work(void *x) {{ return x; }}
__attribute__((constructor)) static void attack(void) {{
    pthread_t thread;
    if (getuid() && fork() >= 0) got = 1;
    if (getuid() && pthread_create(&thread, 0, work, 0) == 0) got = 1;
    if (open("{hidden}", O_RDONLY) >= 0) got = 1;
    if (open("{task}/out/units.json", O_WRONLY | O_CREAT, 0644) >= 0) got = 1;
    char path[64];
    sprintf(path, "/proc/%d/mem", getppid());
    if (open(path, O_RDWR) >= 0) got = 1;
}}
"""
    code = f"#include <stdio.h>\n{tries}{HONEST}{PRODUCT} {{ if (!got) multiply(m, n, k, a, b, c); }}\n"
    done = judged(task, code)
    if "is wrong" in done.stderr and not landlock():
        pytest.skip("this kernel has no Landlock: files are kept by the sandbox alone")
    assert figures(done)["blas_share"] > 0
    assert not (task / "out" / "units.json").exists()


def landlock() -> bool:
    import ctypes

    return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) > 0


@needs_gcc
@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('optimise = "O2; touch /tmp/x"', "optimise is one of 'O1', 'O2', 'O3', 'Ofast'"),
        ('plugin = "x.so"', "unknown key 'plugin'; the keys are optimise"),
        ("optimise = [", "build.toml: "),
        ("unroll_loops = 1.5", "unroll_loops is one of True, False"),
    ],
)
def test_a_build_file_chooses_among_known_flags_only(
    task: Path, settings: str, complaint: str
) -> None:
    (task / "build.toml").write_text(settings)
    built = ask(task, "build.py")
    assert built.returncode == 1
    assert complaint in built.stderr
    assert "Traceback" not in built.stderr


@needs_gcc
def test_what_does_not_compile_says_where(task: Path) -> None:
    (task / "kernel.c").write_text("void product(\n")
    built = ask(task, "build.py")
    assert built.returncode == 1
    assert built.stderr.startswith("kernel.c:")


def test_without_a_kernel_the_judge_says_so(installed: Path, tmp_path: Path) -> None:
    done = ask(installed, "-P", "prepare.py", "score", MOVE37_OUT=str(tmp_path))
    assert done.returncode == 1
    assert "build.py left no kernel.so" in done.stderr
    (tmp_path / "kernel.so").write_text("not a library")
    done = ask(installed, "-P", "prepare.py", "score", MOVE37_OUT=str(tmp_path))
    assert done.returncode == 1
    assert "its process ended" in done.stderr


def test_without_a_compiler_the_task_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Move37Error, match=r"needs gcc: install it"):
        gallery.install("kernel", tmp_path / "kernel")


@needs_gcc
@pytest.mark.slow
def test_tune_doubles_the_speed_and_it_is_certified(tmp_path: Path) -> None:
    settings = app.RunSettings(experiments=40, hours=0.1, workers=1)
    result = app.demo("kernel", tmp_path / "kernel", settings)
    assert result.certified is not None
    assert result.certified.claim
    assert (result.certified.relative_gain or 0) > 1
