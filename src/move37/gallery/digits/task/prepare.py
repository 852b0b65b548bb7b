"""Builds the data of the task, and judges predictions. No candidate may change this file.

    python prepare.py             builds data/ and labels/ from the digits that scikit-learn ships
    python -P prepare.py score    judges the predictions in $MOVE37_OUT, prints log_loss

Predictions are bytes: 1,197 rows of ten little-endian float64, nothing before and nothing
after. So there is no format that could lie, and the judge knows the labels, which no program sees.
"""

import gzip
import json
import os
import stat
import sys
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from random import Random

import numpy as np

HERE = Path(__file__).resolve().parent
DATA, LABELS = HERE / "data", HERE / "labels"
OUT = Path(os.environ.get("MOVE37_OUT") or HERE / "out")

EVALUATOR_VERSION = 1
LABELLED = 600  # images to learn from
HELD_OUT = 400  # images that are scored for a claim only
SCORED = 400  # of the 797 others: those that a split draws
CLASSES = 10
FLOOR = 1e-4
"""The least probability that any digit is given. One image costs 9.2 nats at the most."""
TOLERANCE = 1e-6
"""So far the probabilities of an image may be from 1 together."""


# --- the data -------------------------------------------------------------------------------------


def build() -> None:
    """Write the images, and apart from them the labels that are hidden. Safe to repeat."""
    x, y = _digits()
    order = sorted(range(len(y)), key=lambda row: blake2b(x[row].tobytes()).digest())
    known, unknown = order[:LABELLED], order[LABELLED:]
    _write(DATA / "labelled_x.npy", x[known])
    _write(DATA / "labelled_y.npy", y[known])
    _write(DATA / "unlabelled_x.npy", x[unknown])
    _write(LABELS / "validation.npy", y[unknown[:-HELD_OUT]])
    _write(LABELS / "holdout.npy", y[unknown[-HELD_OUT:]])


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Images [1797, 64] with values from 0 to 16, and the digit that each of them shows."""
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        sys.exit("the images come with scikit-learn: install the package `scikit-learn`")
    place = Path(found.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    with gzip.open(place, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return np.ascontiguousarray(table[:, :-1]), table[:, -1]


def _write(path: Path, array: np.ndarray) -> None:
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        half = path.with_suffix(".half.npy")
        np.save(half, array)
        half.replace(path)


# --- for evaluate.py ------------------------------------------------------------------------------


def save(probabilities: np.ndarray) -> None:
    """Leave the predictions where the judge finds them."""
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "predictions.f64").write_bytes(np.ascontiguousarray(probabilities, "<f8").tobytes())


# --- the judge: trusts nothing that the run left behind -------------------------------------------


class Malformed(Exception):
    """Predictions that cannot be judged; says why, in one sentence."""


def read(path: Path, rows: int) -> np.ndarray:
    """The predictions, [rows, 10], each row a distribution. Raises `Malformed`."""
    wanted = rows * CLASSES * 8
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise Malformed("it is not a regular file")
        if found.st_size != wanted:
            raise Malformed(
                f"it has {found.st_size:,} bytes; {rows:,} rows of ten float64 have {wanted:,}"
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise Malformed("the run left no such file") from None
    p = np.frombuffer(content, "<f8").reshape(rows, CLASSES)
    if not ((p >= 0) & (p <= 1)).all():  # not-a-number is neither
        raise Malformed("not all of it are probabilities, from 0 to 1")
    furthest = float(np.abs(p.sum(axis=1) - 1).max())
    if furthest > TOLERANCE:
        raise Malformed(f"the probabilities of an image sum to 1, but one is {furthest:.3g} off")
    return p


def losses(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What each image costs, in nats. Every digit keeps `FLOOR`, so none is free, or ruinous."""
    p = p / p.sum(axis=1, keepdims=True)
    given = p[np.arange(len(truth)), truth]
    return -np.log(FLOOR + (1 - CLASSES * FLOOR) * given)


def drawn(images: int) -> list[int]:
    """Which of the images this trial is scored on: drawn from `MOVE37_SPLIT`."""
    dice = Random(f"split {os.environ.get('MOVE37_SPLIT', '0')}")
    return sorted(dice.sample(range(images), SCORED))


def score() -> None:
    """Print what the predictions cost, and leave what each image did."""
    validation = np.load(LABELS / "validation.npy")
    holdout = np.load(LABELS / "holdout.npy")
    try:
        p = read(OUT / "predictions.f64", len(validation) + len(holdout))
    except Malformed as error:
        sys.exit(f"predictions.f64: {error}")
    costs = losses(p[: len(validation)], validation)
    chosen = drawn(len(validation))
    wrong = p[chosen].argmax(axis=1) != validation[chosen]
    units = {f"image {row}": round(float(costs[row]), 6) for row in chosen}
    (OUT / "units.json").unlink(missing_ok=True)  # the run may have left a link there
    with (OUT / "units.json").open("x") as file:
        json.dump(units, file)
    print(f"log_loss: {costs[chosen].mean():.6f}")
    print(f"error_rate: {wrong.mean():.6f}")
    if os.environ.get("MOVE37_HOLDOUT") == "1":
        print(f"holdout_log_loss: {losses(p[len(validation) :], holdout).mean():.6f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["score"]:
            score()
        case _:
            sys.exit("usage: python prepare.py [score]")
