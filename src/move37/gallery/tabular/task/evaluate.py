"""Trains and predicts: ten times on nine tenths, once on all for the hold-out. Fixed."""

import os

import numpy as np

import model
import prepare


def main() -> None:
    """Leave predictions for every patient, each by a model that has not seen that patient."""
    with np.load(prepare.DATA / "search.npz") as file:
        x, y = file["x"], file["y"]
    with np.load(prepare.DATA / "holdout_x.npz") as file:
        held = file["x"]
    seed = int(os.environ.get("MOVE37_SEED", "0"))
    part = prepare.folds(len(y))
    validation = np.empty(len(y))
    for fold in range(prepare.FOLDS):
        test = part == fold
        rng = np.random.default_rng((seed, fold))
        validation[test] = model.predict(x[~test], y[~test], x[test], rng)
    holdout = model.predict(x, y, held, np.random.default_rng((seed, prepare.FOLDS)))
    np.savez(prepare.out_directory() / "predictions.npz", validation=validation, holdout=holdout)


if __name__ == "__main__":
    main()
