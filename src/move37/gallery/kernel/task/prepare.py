"""Judges a kernel, beside the library that numpy multiplies with. No candidate may change this file.

    python prepare.py             looks for the compiler, writes the shapes of the hold-out
    python -P prepare.py score    judges $MOVE37_OUT/kernel.so, prints blas_share

The kernel runs in a process of its own (`stand.py`), which is stopped before its clock is read and its result is
looked at: it can neither work on unseen nor say how long it took. Each call has new matrices.
"""

import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

for each in ("OMP", "OPENBLAS", "MKL", "BLIS"):
    os.environ.setdefault(f"{each}_NUM_THREADS", "1")  # before numpy is loaded

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # behind the standard library: nothing here passes for a module of it

import build as compiling  # noqa: E402
import fence  # noqa: E402
from stand import REQUEST  # noqa: E402

EVALUATOR_VERSION = 1
SHAPES = ((320, 320, 320), (301, 277, 333), (250, 445, 384), (387, 230, 290))
"""Rows, columns, depth: of the search. No `units.json`: four shapes that somebody chose are no sample."""
CALLS = 11
"""So often each shape is computed, by the kernel and by the library in turns; the shortest time counts."""
TOLERANCE = 1e-5
"""How far an element of C may be off, as a part of the sum of the magnitudes of its products. A sum in single
precision is off by some 1e-6, one of rounded products (half precision, bfloat16) by more than 1e-5."""
LARGEST = 1 << 22
"""No kernel is larger, in bytes."""


def build() -> None:
    """Write what is missing. Safe to repeat."""
    if shutil.which("gcc") is None:
        sys.exit(compiling.NO_COMPILER)
    hidden = HERE / "holdout" / "shapes.json"
    if not hidden.exists():
        hidden.parent.mkdir(exist_ok=True)
        dice = Random("hold-out")
        shapes = [[dice.randrange(200, 560) for _ in range(3)] for _ in range(4)]
        half = hidden.with_suffix(".half")
        half.write_text(json.dumps(shapes))
        half.rename(hidden)


class Refused(Exception):
    """Why a kernel gets no number, in one sentence."""


class Stand:
    """A process that has loaded the kernel, and the memory that it shares with us."""

    def __init__(self, kernel: Path, floats: int) -> None:
        descriptor = os.memfd_create("matrices")
        os.ftruncate(descriptor, 4 * floats)
        self._memory = mmap.mmap(descriptor, 4 * floats)
        self.floats = np.frombuffer(self._memory, dtype=np.float32)
        command = [sys.executable, "-P", str(HERE / "stand.py"), str(kernel)]
        self._process = subprocess.Popen(
            [*command, str(descriptor), str(4 * floats)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[descriptor],
            env={"PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
            cwd="/",
        )
        os.close(descriptor)
        self._clock = (~self._process.pid << 3) | 2
        """The kernel's clock of the processor time of that process, threads included."""
        self._await(b"r")

    def call(self, *request: int) -> float:
        """The processor seconds of one product. The process stands still before and after."""
        before = time.clock_gettime(self._clock)
        self._process.stdin.write(REQUEST.pack(*request))
        self._process.stdin.flush()
        os.kill(self._process.pid, signal.SIGCONT)
        self._await(b"d")
        return time.clock_gettime(self._clock) - before

    def _await(self, answer: bytes) -> None:
        """Wait for its byte, and stop it."""
        said = os.read(self._process.stdout.fileno(), 1)
        if said != answer:
            code = self._process.wait()
            how = f"by signal {-code}" if code < 0 else f"with status {code}"
            raise Refused(f"its process ended {how}")
        os.kill(self._process.pid, signal.SIGSTOP)
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise Refused("its process ended when it had answered")

    def __enter__(self) -> "Stand":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()


def score() -> None:
    """Print the kernel's speed as a part of the library's, mean over shapes."""
    fence.judge()
    out = Path(os.environ.get("MOVE37_OUT", HERE / "out"))
    out.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(int(os.environ.get("MOVE37_SEED", "0")))
    try:
        kernel = _kernel(out)
        speeds = judged(kernel, SHAPES, dice)
        held = None
        if os.environ.get("MOVE37_HOLDOUT"):
            hidden = json.loads((HERE / "holdout" / "shapes.json").read_text())
            held = judged(kernel, [tuple(shape) for shape in hidden], dice)
    except Refused as refused:
        sys.exit(f"the kernel cannot be judged: {refused}")
    shares = {name: own / library for name, (own, library) in speeds.items()}
    print(f"gflops: {np.mean([own for own, _ in speeds.values()]):.3f}")
    print(f"blas_gflops: {np.mean([library for _, library in speeds.values()]):.3f}")
    print(f"blas_share: {np.mean(list(shares.values())):.6f}")
    if held is not None:
        print(f"holdout_blas_share: {np.mean([own / library for own, library in held.values()]):.6f}")


def _kernel(out: Path) -> Path:
    path = out / "kernel.so"
    if path.is_symlink() or not path.is_file():
        raise Refused("build.py left no kernel.so")
    if path.stat().st_size > LARGEST:
        raise Refused(f"kernel.so is larger than {LARGEST} bytes")
    return path.absolute()


def judged(kernel: Path, shapes, dice: np.random.Generator) -> dict[str, tuple[float, float]]:
    """By shape: GFLOP/s of the kernel and of the library, on the same matrices."""
    most = max(r * d + d * c + r * c for r, c, d in shapes)
    found = {}
    with Stand(kernel, most) as stand:
        for shape in shapes:
            times = [_both(stand, shape, dice) for _ in range(CALLS)]
            work = 2e-9 * shape[0] * shape[1] * shape[2]
            own, library = (work / min(each) for each in zip(*times, strict=True))
            found["x".join(map(str, shape))] = own, library
    return found


def _both(stand: Stand, shape: tuple[int, int, int], dice: np.random.Generator) -> tuple[float, float]:
    """Seconds of the kernel and of the library for two new matrices. Raises `Refused` for a wrong product."""
    rows, columns, depth = shape
    a = dice.standard_normal((rows, depth), dtype=np.float32)
    b = dice.standard_normal((depth, columns), dtype=np.float32)
    at_b, at_c = a.size, a.size + b.size
    end = at_c + rows * columns
    stand.floats[:at_b] = a.ravel()
    stand.floats[at_b:at_c] = b.ravel()
    stand.floats[at_c:] = np.nan
    seconds = stand.call(rows, columns, depth, 0, 4 * at_b, 4 * at_c)
    c = stand.floats[at_c:end].reshape(rows, columns).copy()
    before = time.thread_time()
    np.matmul(a, b)
    library = time.thread_time() - before
    exact = a.astype(np.float64) @ b
    allowed = TOLERANCE * (np.abs(a) @ np.abs(b))
    if not (np.abs(c - exact) <= allowed).all():  # so that NaN is wrong, too
        raise Refused(f"its product of {rows} x {depth} and {depth} x {columns} is wrong")
    return seconds, library


if __name__ == "__main__":
    score() if sys.argv[1:] == ["score"] else build()
