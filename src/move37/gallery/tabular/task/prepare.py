"""Builds the data of the task, and judges predictions. No candidate may change this file.

    python prepare.py             builds data/ and holdout/ from the table that scikit-learn ships
    python -P prepare.py score    judges the predictions in $MOVE37_OUT, prints val_mae

The judge trusts nothing in the predictions but that they are numbers: it has the truth itself.
"""

import gzip
import json
import os
import sys
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from random import Random

import numpy as np

HERE = Path(__file__).resolve().parent
DATA, HOLDOUT = HERE / "data", HERE / "holdout"
EVALUATOR_VERSION = 1
FOLDS = 10
HELD_OUT = 100
LARGEST = 1e6
"""No prediction may be further from 0: the table's values lie between 25 and 346."""


def out_directory() -> Path:
    """Where a run leaves what it found."""
    directory = Path(os.environ.get("MOVE37_OUT", HERE / "out"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def folds(rows: int) -> np.ndarray:
    """For each row, the part that it is in: drawn from `MOVE37_SPLIT`, of equal sizes."""
    order = list(range(rows))
    Random(f"split {os.environ.get('MOVE37_SPLIT', '0')}").shuffle(order)
    part = np.empty(rows, dtype=int)
    part[order] = np.arange(rows) % FOLDS
    return part


def build() -> None:
    """Write the rows to search on, and the hold-out, apart. Safe to repeat."""
    x, y = _table()
    order = sorted(range(len(y)), key=lambda row: blake2b(x[row].tobytes()).digest())
    held, search = order[:HELD_OUT], order[HELD_OUT:]
    DATA.mkdir(exist_ok=True)
    HOLDOUT.mkdir(exist_ok=True)
    _write(DATA / "search.npz", x=x[search], y=y[search])
    _write(DATA / "holdout_x.npz", x=x[held])
    _write(HOLDOUT / "holdout_y.npz", y=y[held])


def _table() -> tuple[np.ndarray, np.ndarray]:
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        sys.exit("the table comes with scikit-learn: install the package `scikit-learn`")
    place = Path(found.submodule_search_locations[0], "datasets", "data")
    with gzip.open(place / "diabetes_data_raw.csv.gz", "rt") as file:
        x = np.loadtxt(file)
    with gzip.open(place / "diabetes_target.csv.gz", "rt") as file:
        y = np.loadtxt(file)
    return x, y


def _write(path: Path, **arrays: np.ndarray) -> None:
    if not path.exists():
        half = path.with_suffix(".half.npz")
        np.savez(half, **arrays)
        half.rename(path)


def score() -> None:
    """Print how far off the predictions are, and leave the error of each patient."""
    truth = _load(DATA / "search.npz")["y"]
    try:
        predicted = _load(out_directory() / "predictions.npz")
        val = _errors(predicted, "validation", truth)
        held = None
        if os.environ.get("MOVE37_HOLDOUT"):
            held = _errors(predicted, "holdout", _load(HOLDOUT / "holdout_y.npz")["y"])
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"the predictions cannot be judged: {error}")
    units = {f"patient {row}": round(float(error), 6) for row, error in enumerate(val)}
    (out_directory() / "units.json").write_text(json.dumps(units))
    print(f"val_mae: {np.mean(val):.6f}")
    if held is not None:
        print(f"holdout_val_mae: {np.mean(held):.6f}")


def _errors(predicted: dict[str, np.ndarray], name: str, truth: np.ndarray) -> np.ndarray:
    values = np.asarray(predicted[name], dtype=float)
    if values.shape != truth.shape:
        raise ValueError(f"{name}: {values.shape} predictions for {truth.shape} patients")
    if not (np.abs(values) <= LARGEST).all():
        raise ValueError(f"{name}: not all predictions are numbers up to {LARGEST:g}")
    return np.abs(values - truth)


def _load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


if __name__ == "__main__":
    score() if sys.argv[1:] == ["score"] else build()
