"""Fixed: the language model, its activations, and the judge. Only train.py changes.

    python prepare.py             trains the model (ten seconds), records data/ and hidden/
    python -P prepare.py score    judges the autoencoder that train.py left in $MOVE37_OUT

An autoencoder is data, not code: four arrays. The judge encodes and decodes by itself, and keeps `ACTIVE`
numbers for each activation, whatever the arrays are. The activations that it does so with are hidden, and
so are the layers of the model that they come out of, so that no program can make more of them.

train.py uses `rng`, `Batches`, `Readout` and `save`.
"""

import hashlib
import json
import os
import stat
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
DATA, HIDDEN = HERE / "data", HERE / "hidden"
OUT = Path(os.environ.get("MOVE37_OUT") or HERE / "out")

EVALUATOR_VERSION = 1
WIDTH = 64  # numbers of an activation
ACTIVE = 8  # of a code that are not zero, at the most
MAX_LATENTS = 256
MAX_WEIGHT = 1e4
EXAMPLES = 100_000  # activations that a training run is given, repeats included

# --- the corpus: Python's standard library --------------------------------------------------------

LEFT_OUT = {
    *("site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"),
    *("encodings", "pydoc_data"),
}
FILE_BYTES = 8192  # of each file, from its start; shorter ones are left out
SPLITS = ("train",) * 6 + ("validation",) * 2 + ("holdout",) * 2
POSITIONS = {"train": 250, "validation": 128, "holdout": 128}  # that are recorded, in each file


def corpus() -> dict[str, dict[str, np.ndarray]]:
    """For each split its files' first bytes by relative path. Depends on Python's version only."""
    root = Path(os.__file__).resolve().parent
    found: dict[str, dict[str, np.ndarray]] = {split: {} for split in SPLITS}
    for folder, names, paths in os.walk(root):
        names[:] = sorted(name for name in names if name not in LEFT_OUT)
        for path in sorted(Path(folder) / name for name in paths if name.endswith(".py")):
            # _sysconfigdata describes the machine that Python was built on
            if path.name.startswith("_sysconfigdata") or not path.is_file():
                continue
            text, name = path.read_bytes()[:FILE_BYTES], path.relative_to(root).as_posix()
            if len(text) == FILE_BYTES:
                split = SPLITS[hashlib.sha256(name.encode()).digest()[0] % len(SPLITS)]
                found[split][name] = np.frombuffer(text, np.uint8)
    return found


def windows(text: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The `CONTEXT` bytes before each position, oldest first."""
    return text[positions[:, None] + np.arange(-CONTEXT, 0)]


# --- the model whose activations are coded --------------------------------------------------------

CONTEXT, EMBEDDING, INNER = 8, 16, 256
STEPS, BATCH, RATE = 3000, 128, 0.003


def new_model(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Bytes are embedded, pass a wide layer, and become an activation; a readout predicts from it."""

    def normal(rows: int, columns: int, gain: float = 1.0) -> np.ndarray:
        return rng.normal(0, gain / np.sqrt(rows), (rows, columns)).astype(np.float32)

    return {
        "embedding": rng.normal(0, 0.5, (256, EMBEDDING)).astype(np.float32),
        "inner": normal(CONTEXT * EMBEDDING, INNER, 2**0.5),
        "inner_bias": np.zeros(INNER, np.float32),
        "stream": normal(INNER, WIDTH),
        "stream_bias": np.zeros(WIDTH, np.float32),
        "readout": normal(WIDTH, 256),
        "readout_bias": np.zeros(256, np.float32),
    }


def upper(model: dict[str, np.ndarray], seen: np.ndarray) -> tuple[np.ndarray, ...]:
    x = model["embedding"][seen].reshape(len(seen), -1)  # [B, context * embedding]
    h = np.maximum(x @ model["inner"] + model["inner_bias"], 0)
    return x, h, h @ model["stream"] + model["stream_bias"]


def train_model(texts: list[np.ndarray]) -> dict[str, np.ndarray]:
    """By Adam, its rate falling to 0. The same on every run of one machine and library."""
    rng = np.random.default_rng(0)
    model = new_model(rng)
    mean = {name: np.zeros_like(w) for name, w in model.items()}
    square = {name: np.zeros_like(w) for name, w in model.items()}
    text = np.stack(texts)
    for step in range(1, STEPS + 1):
        file = rng.integers(len(text), size=BATCH)
        at = rng.integers(CONTEXT, text.shape[1], size=BATCH)
        seen, target = text[file[:, None], at[:, None] + np.arange(-CONTEXT, 0)], text[file, at]
        x, h, a = upper(model, seen)
        d = np.exp(log_softmax(a @ model["readout"] + model["readout_bias"]))
        d[np.arange(BATCH), target] -= 1
        d /= BATCH
        d_a = d @ model["readout"].T
        d_h = (d_a @ model["stream"].T) * (h > 0)
        embedding = np.zeros_like(model["embedding"])
        np.add.at(embedding, seen.ravel(), (d_h @ model["inner"].T).reshape(-1, EMBEDDING))
        gradients = {
            "embedding": embedding,
            **{"inner": x.T @ d_h, "inner_bias": d_h.sum(axis=0)},
            **{"stream": h.T @ d_a, "stream_bias": d_a.sum(axis=0)},
            **{"readout": a.T @ d, "readout_bias": d.sum(axis=0)},
        }
        rate = RATE * (1 - step / STEPS)
        for name, g in gradients.items():
            mean[name] += 0.1 * (g - mean[name])
            square[name] += 0.001 * (g * g - square[name])
            rms = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
            model[name] -= (rate / (1 - 0.9**step) / rms * mean[name]).astype(np.float32)
    return model


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


# --- set-up ---------------------------------------------------------------------------------------


def build() -> None:
    """Train the model and record its activations. Safe to repeat: what is there is left alone."""
    last = HIDDEN / "holdout.npz"
    if last.exists():
        return
    splits = corpus()
    if len(splits["train"]) < 100:
        sys.exit(
            "prepare.py: this Python comes without the source text of its standard library; "
            "use one that has it (os.py and the modules beside it)"
        )
    model = train_model(list(splits["train"].values()))
    recorded = {name: record(model, texts, POSITIONS[name]) for name, texts in splits.items()}
    _write(DATA / "activations.npy", recorded["train"].reshape(-1, WIDTH))
    _write(DATA / "readout.npy", np.vstack([model["readout"], model["readout_bias"]]))
    for name in ("validation", "holdout"):
        files = np.array(list(splits[name]))
        _write(HIDDEN / f"{name}.npz", activations=recorded[name], files=files)


def record(
    model: dict[str, np.ndarray], texts: dict[str, np.ndarray], positions: int
) -> np.ndarray:
    """What the model's stream holds at evenly spaced positions, [files, positions, WIDTH]."""
    at = np.linspace(CONTEXT, FILE_BYTES - 1, positions).astype(int)
    return np.stack([upper(model, windows(text, at))[2] for text in texts.values()])


def _write(path: Path, array: np.ndarray | None = None, **arrays: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    half = path.with_name(f"half{path.suffix}")
    if array is None:
        np.savez(half, **arrays)
    else:
        np.save(half, array)
    half.replace(path)


# --- for train.py ---------------------------------------------------------------------------------


def seed() -> int:
    return int(os.environ.get("MOVE37_SEED") or 0)


def rng() -> np.random.Generator:
    """Where all randomness of train.py comes from: another seed in every trial."""
    return np.random.default_rng(seed())


class Batches:
    """Random batches of activations, [batch, 64], until `EXAMPLES` were given. `len` says how many.

    `sample` is some of them to begin with: their mean, say, or first directions. They are not counted.
    """

    def __init__(self, batch_size: int) -> None:
        if not 8 <= batch_size <= 8192:
            raise ValueError(f"a batch has 8 to 8192 activations, not {batch_size}")
        self._all = np.load(DATA / "activations.npy")
        self._draw = np.random.default_rng([seed(), 1])
        self._batch_size = batch_size
        self.sample = self._all[self._draw.choice(len(self._all), 4096, replace=False)]

    def __len__(self) -> int:
        return EXAMPLES // self._batch_size

    def __iter__(self):
        for _ in range(len(self)):
            yield self._all[self._draw.integers(len(self._all), size=self._batch_size)]


class Readout:
    """What the model makes of an activation: `logits = a @ weight + bias`. Its other layers are hidden."""

    def __init__(self) -> None:
        both = np.load(DATA / "readout.npy")
        self.weight, self.bias = both[:-1], both[-1]  # [64, 256], [256]


def save(encoder, encoder_bias, decoder, decoder_bias) -> None:
    """Leave an autoencoder where the judge finds it; the shapes are [64, m], [m], [m, 64], [64].

    It will be run so: `code = relu(a @ encoder + encoder_bias)`, of which the `ACTIVE` largest numbers stay
    and all others become 0; `code @ decoder + decoder_bias` is put in the place of `a`.
    """
    m = np.shape(encoder)[1]
    parts = ((encoder, (WIDTH, m)), (encoder_bias, (m,)), (decoder, (m, WIDTH)))
    parts += ((decoder_bias, (WIDTH,)),)
    for part, shape in parts:
        if np.shape(part) != shape:
            raise ValueError(f"an autoencoder of {m} latents has no part of shape {np.shape(part)}")
    OUT.mkdir(parents=True, exist_ok=True)
    flat = [np.asarray(part, "<f4").tobytes() for part, _ in parts]
    (OUT / "sae.f32").write_bytes(b"".join(flat))


# --- the judge: trusts nothing that train.py left behind ------------------------------------------


class Malformed(Exception):
    """An autoencoder that cannot be run; says why, in one sentence."""


def read(path: Path) -> list[np.ndarray]:
    """Encoder, its bias, decoder, its bias. Raises `Malformed`.

    The file is bytes: float32 and nothing else. Its size says how many latents there are.
    """
    for_each, for_all = 4 * (2 * WIDTH + 1), 4 * WIDTH
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise Malformed("it is not a regular file")
        m, rest = divmod(found.st_size - for_all, for_each)
        if rest or not 1 <= m <= MAX_LATENTS:
            raise Malformed(
                f"it has {found.st_size:,} bytes; an autoencoder has {for_all} and {for_each} for each of "
                f"1 to {MAX_LATENTS} latents"
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise Malformed("train.py left no such file; it must end with prepare.save(...)") from None
    flat = np.frombuffer(content, "<f4").astype(np.float64)
    if not (np.abs(flat) <= MAX_WEIGHT).all():  # not-a-number is not, either
        raise Malformed(f"not all of it are numbers from {-MAX_WEIGHT:g} to {MAX_WEIGHT:g}")
    shapes = ((WIDTH, m), (m,), (m, WIDTH), (WIDTH,))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes)]


def coded(sae: list[np.ndarray], a: np.ndarray) -> np.ndarray:
    """What the autoencoder makes of activations [n, 64], by codes of `ACTIVE` numbers."""
    encoder, encoder_bias, decoder, decoder_bias = sae
    code = np.maximum(a @ encoder + encoder_bias, 0)
    if code.shape[1] > ACTIVE:
        small = np.argpartition(code, -ACTIVE, axis=1)[:, :-ACTIVE]
        np.put_along_axis(code, small, 0.0, axis=1)
    return code @ decoder + decoder_bias


def divergence(sae: list[np.ndarray], hidden: Path) -> tuple[dict[str, float], float]:
    """By file, how many bits of a prediction are lost, mean over positions; and the share of variance."""
    readout = Readout()
    weight, bias = readout.weight.astype(np.float64), readout.bias.astype(np.float64)
    lost, error, variance = {}, 0.0, 0.0
    with np.load(hidden, allow_pickle=False) as file:
        names, all_of_them = file["files"], file["activations"].astype(np.float64)
    middle = all_of_them.mean(axis=(0, 1))
    for name, a in zip(names, all_of_them):
        b = coded(sae, a)
        p, q = log_softmax(a @ weight + bias), log_softmax(b @ weight + bias)
        lost[str(name)] = float((np.exp(p) * (p - q)).sum(axis=1).mean() / np.log(2))
        error, variance = error + ((a - b) ** 2).sum(), variance + ((a - middle) ** 2).sum()
    return lost, float(error / variance)


def score() -> None:
    """Print how much of the model's predictions is lost, and leave it file by file."""
    try:
        sae = read(OUT / "sae.f32")
    except Malformed as error:
        sys.exit(f"sae.f32: {error}")
    units, unexplained = divergence(sae, HIDDEN / "validation.npz")
    (OUT / "units.json").unlink(missing_ok=True)  # the run may have left a link there
    with (OUT / "units.json").open("x") as file:
        json.dump(units, file)
    print(f"kl_bits: {np.mean(list(units.values())):.6f}")
    print(f"unexplained: {unexplained:.6f}")
    if os.environ.get("MOVE37_HOLDOUT") == "1":
        held, _ = divergence(sae, HIDDEN / "holdout.npz")
        print(f"holdout_kl_bits: {np.mean(list(held.values())):.6f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["score"]:
            score()
        case _:
            sys.exit("usage: python prepare.py [score]")
