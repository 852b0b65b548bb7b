"""Response surfaces with a known truth, and how much of it a way of searching finds."""

import math
import re
from collections.abc import Callable, Mapping
from random import Random

from move37.core.records import Failed
from move37.proposers.tune.tune import Tune
from move37.search.belief import LineagePosterior
from move37.testing.proposer import Study

CONFIG = b'''"""An untuned trainer's constants."""
learning_rate = 0.0003
batch_size = 8
width = 32
n_layer = 2
weight_decay = 0.1
momentum = 0.5
warmup = 100
init_scale = 1.0
dropout = 0.3
activation = "relu"
clip = 1.0
eps = 1e-8
'''
"""`clip` and `eps` do nothing; the others are off their best values by one to four bold steps."""


def truth(settings: Mapping[str, str]) -> float:
    """A bowl in the logarithm of each constant: 0 at the best values, about -2.6 as written."""

    def log(name: str, best: float, share: float) -> float:
        return share * math.log(float(settings[name]) / best) ** 2

    def odds(name: str, best: float, share: float) -> float:
        value = min(max(float(settings[name]), 1e-6), 1 - 1e-6)
        return share * (math.log(value / (1 - value)) - math.log(best / (1 - best))) ** 2

    loss = log("learning_rate", 0.006, 0.09)
    loss += log("batch_size", 64, 0.06) + log("width", 256, 0.09)
    loss += 0.05 * (float(settings["n_layer"]) - 4) ** 2
    loss += 0.02 * math.log10(max(float(settings["weight_decay"]), 1e-6) / 0.003) ** 2
    loss += odds("momentum", 0.9, 0.05) + log("init_scale", 0.1, 0.05)
    loss += 0.02 * math.log((float(settings["warmup"]) + 10) / 30) ** 2
    loss += 1.0 * (float(settings["dropout"]) - 0.05) ** 2
    loss += {"relu": 0.1, "gelu": 0.0, "silu": 0.02, "tanh": 0.15}.get(settings["activation"], 0.2)
    return -loss


def settings_of(program: bytes) -> dict[str, str]:
    found = re.findall(rb"^(\w+) = \"?([^\"\n]+)\"?$", program, re.MULTILINE)
    return {name.decode(): value.decode() for name, value in found}


def score_of(program: bytes) -> float | None:
    settings = settings_of(program)
    try:
        if float(settings["learning_rate"]) > 0.2:
            return None  # diverges
        return truth(settings)
    except (KeyError, ValueError):
        return None


def evaluate(noise: float) -> Callable[[Mapping[str, bytes], int], float | Failed]:
    def measured(program: Mapping[str, bytes], seed: int) -> float | Failed:
        score = score_of(program["config.py"])
        if score is None:
            return Failed(stage="run", reason="it crashed")
        return score + noise * Random(seed).gauss(0, 1)

    return measured


def tuned(budget: int, *, noise: float, seed: int, tune: Tune | None = None) -> list[float]:
    """True score of the program believed best, after each evaluation."""
    study = Study(
        {"config.py": CONFIG},
        evaluate(noise),
        tune or Tune(),
        noise=noise,
        seed=seed,
        beliefs=LineagePosterior(),
    )
    curve: list[float] = []
    for _ in range(budget):
        study.step(study.best())
        found = score_of(study.programs[study.best()]["config.py"])
        assert found is not None
        curve.append(found)
    return curve
