"""Fixed: the data, the training budget and the judge. Only train.py changes.

    python prepare.py          build data/ and holdout/ from Python's own standard library
    python prepare.py score    judge the model that train.py left in $MOVE37_OUT

A model is data, not code: a list of layers and their weights, which the judge evaluates itself, one
position at a time, on the bytes before that position and nothing else. So a program cannot claim a
score that its model does not have. layers.py says what layers there are.

train.py uses `rng`, `Batches` and `save`.
"""

import hashlib
import io
import json
import math
import os
import stat
import sys
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: nothing that a run leaves here can pass for numpy
sys.pycache_prefix = os.devnull  # nor can a forged cache pass for layers.py
from layers import Malformed, Model  # noqa: E402

sys.path.pop()

OUT = Path(os.environ.get("MOVE37_OUT") or HERE / "out")

EVALUATOR_VERSION = 1
BUDGET_SECONDS = 2.2  # of training, in reference seconds: see `step_seconds`
POSITIONS_PER_FILE = 1024  # that are scored, evenly spaced

MAX_BYTES = 64 * 2**20  # of all arrays together


# --- the corpus: Python's standard library, split by file -----------------------------------------

LEFT_OUT = {
    *("site-packages", "dist-packages", "__pycache__"),  # not the standard library
    *("test", "tests", "idle_test"),  # twice as large as all the rest, and full of repetition
    *("encodings", "pydoc_data"),  # tables
}
MIN_FILE_BYTES = 2048
DUPLICATE = 0.2  # files that share so much of the smaller one's distinct lines stay together


def library() -> dict[str, bytes]:
    """The library's source files by relative path, sorted. Depends on Python's version only."""
    root = Path(os.__file__).resolve().parent
    files = {}
    for folder, names, paths in os.walk(root):
        names[:] = sorted(name for name in names if name not in LEFT_OUT)
        for path in sorted(Path(folder) / name for name in paths if name.endswith(".py")):
            # _sysconfigdata describes the machine that Python was built on
            if not path.name.startswith("_sysconfigdata") and path.is_file():
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    return {path: files[path] for path in sorted(files) if len(files[path]) >= MIN_FILE_BYTES}


def families(files: dict[str, bytes]) -> dict[str, str]:
    """Name a representative for every file; near-duplicates, and theirs in turn, share one."""
    lines = {
        path: {line for raw in text.splitlines() if len(line := raw.strip()) >= 20}
        for path, text in files.items()
    }
    owners = defaultdict(list)
    for path, distinct in lines.items():
        for line in distinct:
            owners[line].append(path)

    shared = defaultdict(int)
    for paths in owners.values():
        for i, a in enumerate(paths[:50]):  # a line that more files have is an idiom
            for b in paths[i + 1 : 50]:
                shared[a, b] += 1

    parent = {path: path for path in files}

    def representative(path):
        while parent[path] != path:
            path = parent[path]
        return path

    for (a, b), count in sorted(shared.items()):
        if count >= DUPLICATE * min(len(lines[a]), len(lines[b])):
            first, second = sorted((representative(a), representative(b)))
            parent[second] = first
    return {path: representative(path) for path in files}


def split_of(path: str) -> str:
    """Where a family of files goes, by its name alone: 70 % train, 15 % each of the others."""
    draw = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") % 100
    return "train" if draw < 70 else "validation" if draw < 85 else "holdout"


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, so that whoever reads it meanwhile sees the old or the new one.

    One that is like that already is left alone: data with a new time would begin a new epoch.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def build() -> None:
    files = library()
    if sum(map(len, files.values())) < 2_000_000:
        sys.exit(
            "prepare.py: this Python comes without the source text of its standard library; "
            "use one that has it (os.py and the modules beside it)"
        )
    family = families(files)
    for split, folder in (("train", "data"), ("validation", "data"), ("holdout", "holdout")):
        chosen = [path for path in files if split_of(family[path]) == split]
        index = [[path, len(files[path])] for path in chosen]
        write(HERE / folder / f"{split}.bin", b"".join(files[path] for path in chosen))
        write(HERE / folder / f"{split}.json", json.dumps(index, indent=0).encode())
        print(f"{split}: {len(chosen)} files, {sum(size for _, size in index):,} bytes")


class Corpus:
    """One split: the bytes of its files, end to end."""

    def __init__(self, directory: Path, split: str) -> None:
        try:
            index = json.loads((directory / f"{split}.json").read_text())
            self.text = np.fromfile(directory / f"{split}.bin", dtype=np.uint8)
        except FileNotFoundError:
            sys.exit(
                f"prepare.py: there is no {split} data in {directory.name}/; run: python prepare.py"
            )
        self.paths = [path for path, _ in index]
        self.sizes = np.array([size for _, size in index])
        self.starts = np.cumsum(self.sizes) - self.sizes

    def windows(self, positions: np.ndarray, context: int) -> np.ndarray:
        """The `context` bytes before each position, oldest first; zeros before the file's start."""
        first = self.starts[np.searchsorted(self.starts, positions, side="right") - 1]
        before = positions[:, None] + np.arange(-context, 0)
        inside = before >= first[:, None]
        return np.where(inside, self.text[np.where(inside, before, 0)], 0).astype(np.uint8)


# --- training: the same budget for everybody ------------------------------------------------------


def seed() -> int:
    return int(os.environ.get("MOVE37_SEED") or 0)


def rng() -> np.random.Generator:
    """Where all randomness of train.py comes from: another seed in every trial."""
    return np.random.default_rng(seed())


def step_seconds(model: Model, batch_size: int) -> float:
    """What one training step of a model costs, in reference seconds.

    The budget has to be the same on a fast machine and on a slow one, today and tomorrow. So it is
    counted, not timed: this is how long a step took on one core of a small server (within 10 % or
    so, over 29 shapes of the model in train.py), as a function of its shape: forward and backward
    pass, at three times the model's multiply-adds; element-wise work; the update of the weights;
    and what a step costs however small it is.
    """
    for_an_example = 3 * model.cost * 1.5e-11 + model.elements * 4.5e-9
    return batch_size * for_an_example + model.trained * 3e-9 + 90e-6


class Batches:
    """Random batches of training examples until the budget is spent. `len` says how many.

        for windows, targets in prepare.Batches(layers, weights, CONTEXT, BATCH_SIZE): ...

    `windows` is [batch, context], the bytes before each target, oldest first; `targets` is [batch].
    """

    def __init__(self, layers: list, weights: dict, context: int, batch_size: int) -> None:
        if not 1 <= batch_size <= 65536:
            raise ValueError(f"a batch has 1 to 65536 examples, not {batch_size}")
        model = Model(layers, weights, context)
        self.context = context
        self.batch_size = batch_size
        self.steps = int(BUDGET_SECONDS / step_seconds(model, batch_size))

    def __len__(self) -> int:
        return self.steps

    def __iter__(self):
        corpus = Corpus(HERE / "data", "train")
        # A stream of its own: the examples do not depend on how the weights were drawn.
        draw = np.random.default_rng([seed(), 1])
        size = self.batch_size
        at_once = max(1, 16384 // size)
        for done in range(0, self.steps, at_once):
            steps = min(at_once, self.steps - done)
            positions = draw.integers(len(corpus.text), size=steps * size)
            windows = corpus.windows(positions, self.context)
            targets = corpus.text[positions]
            for i in range(0, steps * size, size):
                yield windows[i : i + size], targets[i : i + size]


def save(layers: list, weights: dict, context: int) -> None:
    """Leave a model where the judge finds it."""
    spec = json.dumps({"context": context, "layers": layers})
    OUT.mkdir(parents=True, exist_ok=True)
    np.savez(OUT / "model.npz", spec=np.frombuffer(spec.encode(), dtype=np.uint8), **weights)


# --- the judge: trusts nothing that train.py left behind ------------------------------------------


HEADERS = {(1, 0): np.lib.format.read_array_header_1_0}  # all that numpy writes for arrays like ours


def read_array(name: str, content: bytes) -> np.ndarray:
    """Parse one .npy file without trusting its header: no pickle, no memory beyond its own size."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = HEADERS[version](stream)
    except (ValueError, EOFError, KeyError) as error:
        raise Malformed(f"array {name!r} is not a numpy array") from error
    if dtype not in (np.float16, np.float32, np.float64, np.uint8):
        raise Malformed(f"array {name!r} must be of float16, float32 or float64, not {dtype}")
    data = content[stream.tell() :]
    if min(shape, default=1) < 1 or math.prod(shape) * dtype.itemsize != len(data):
        raise Malformed(f"array {name!r} says shape {shape}, but holds {len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def read_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Malformed("it is not a regular file")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_BYTES or len(members) > 1000:
                raise Malformed(f"too large; all arrays together may have {MAX_BYTES:,} bytes")
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                arrays[name] = read_array(name, archive.read(member))
            return arrays
    except FileNotFoundError:
        raise Malformed("train.py left no such file; it must end with prepare.save(...)") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Malformed("not a file as prepare.save writes it") from error


def load(path: Path) -> Model:
    """Read a model file that anybody may have written. Raises `Malformed`."""
    arrays = read_archive(path)
    text = arrays.pop("spec", np.zeros(0, dtype=np.uint8)).tobytes()
    try:
        if len(text) > 65536:
            raise Malformed("its spec is longer than 65,536 bytes")
        spec = json.loads(text)
        layers, context = spec["layers"], spec["context"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed("its spec must be JSON with 'context' and 'layers'") from error
    weights = {}
    for name, array in arrays.items():
        with np.errstate(over="ignore"):
            weights[name] = array.astype(np.float32)
        if not np.isfinite(weights[name]).all():
            raise Malformed(f"array {name!r} holds numbers that are not finite")
    return Model(layers, weights, context)


def bits_per_byte(model: Model, corpus: Corpus) -> dict[str, float]:
    """By file: the mean over evenly spaced positions, as many in every file."""
    steps = (np.arange(POSITIONS_PER_FILE) + 0.5) / POSITIONS_PER_FILE
    positions = (corpus.starts[:, None] + steps * corpus.sizes[:, None]).astype(np.int64).ravel()
    bits = model.bits(corpus.windows(positions, model.context), corpus.text[positions])
    return dict(zip(corpus.paths, bits.reshape(-1, POSITIONS_PER_FILE).mean(axis=1).tolist()))


def score() -> None:
    try:
        model = load(OUT / "model.npz")
        units = bits_per_byte(model, Corpus(HERE / "data", "validation"))
        print(f"val_bpb: {np.mean(list(units.values())):.6f}")
        if os.environ.get("MOVE37_HOLDOUT") == "1" and (HERE / "holdout").is_dir():
            hidden = bits_per_byte(model, Corpus(HERE / "holdout", "holdout"))
            print(f"holdout_val_bpb: {np.mean(list(hidden.values())):.6f}")
    except Malformed as error:
        sys.exit(f"model.npz: {error}")
    (OUT / "units.json").unlink(missing_ok=True)  # train.py may have left a link there
    with (OUT / "units.json").open("x") as file:
        json.dump(units, file, indent=0)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["score"]:
            score()
        case _:
            sys.exit("usage: python prepare.py [score]")
