"""What the tasks of `bench search` and `bench peers` measure, with noise and without.

A file of its own that imports nothing of ours: it is copied beside the program of a task, where every engine
runs the same lines. A program is lines of `name = value`. The truth is here for whoever judges in the end; an
engine sees what `measure` returns, and nothing else.
"""

import math
import os
import random
import time

Values = dict[str, float | str]

RASTRIGIN_SCALE = 10.0
TRAINING_SEEDS = 300
"""So many training runs, on seeds that no trial draws, are the truth."""


def read(program: str) -> Values:
    """The constants of a program. Raises `ValueError` where a line cannot be understood."""
    values: Values = {}
    for line in program.splitlines():
        name, is_one, value = line.partition(" = ")
        if not is_one or not name.isidentifier():
            continue
        value = value.strip()
        values[name] = value[1:-1] if value[:1] == '"' else float(value)
    return values


def truth(task: str, values: Values) -> float:
    """The true score, higher is better. Raises `KeyError` or `TypeError` for a broken program."""
    return _TRUTHS[task](values)


def measure(task: str, values: Values, noise: float, chance: random.Random) -> float:
    """What one evaluation shows. noise: standard deviation; training has its own instead."""
    if task == "training":
        return train(values, chance)
    score = truth(task, values)
    return score + chance.gauss(0.0, noise) if noise else score


def duration(median_seconds: float, sigma: float, chance: random.Random) -> float:
    """Of a slow evaluation: log-normal."""
    return median_seconds * math.exp(sigma * chance.gauss(0.0, 1.0)) if median_seconds else 0.0


def evaluate(
    path: str, task: str, noise: float, median_seconds: float, sigma: float, tally: str
) -> float:
    """One evaluation of the program in this file, its luck from the operating system.

    tally: a file that grows by a byte with each; empty: nobody counts here.
    """
    if tally:
        handle = os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, b".")
        os.close(handle)
    chance = random.Random(int.from_bytes(os.urandom(8), "big"))
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  (pathlib takes longer to load)
        values = read(file.read())
    time.sleep(duration(median_seconds, sigma, chance))
    return measure(task, values, noise, chance)


def _numbers(values: Values, names: list[str]) -> list[float]:
    return [float(values[name]) for name in names]


def rastrigin(values: Values) -> float:
    """Ten dimensions, many local maxima; 1 at the origin."""
    point = _numbers(values, [f"x{i}" for i in range(10)])
    height = sum(x * x - 10.0 * math.cos(2.0 * math.pi * x) + 10.0 for x in point)
    return 1.0 / (1.0 + height / RASTRIGIN_SCALE)


def deceptive(values: Values) -> float:
    """Two switches that help only together, each alone does harm; and four constants that help a little."""
    knobs = _numbers(values, ["a", "b", "c", "d"])
    polish = 0.15 * sum(math.exp(-((knob - 3.0) ** 2) / 8.0) for knob in knobs) / 4.0
    switches = (values["layout"] == "columns") + (values["kernel"] == "vector")
    return 0.2 + polish + (0.0, -0.1, 0.5)[switches]


def packing(values: Values) -> float:
    """Sum of the radii of seven circles in the unit square, each as large as its neighbours leave room."""
    centres = [(float(values[f"x{i}"]), float(values[f"y{i}"])) for i in range(7)]
    total = 0.0
    for i, (x, y) in enumerate(centres):
        wall = min(x, 1.0 - x, y, 1.0 - y)
        near = min(math.dist((x, y), other) for j, other in enumerate(centres) if j != i)
        total += max(0.0, min(wall, near / 2.0))
    return total


def bowl(values: Values) -> float:
    """One smooth hill in eight dimensions; 1 at the top."""
    point = _numbers(values, [f"w{i}" for i in range(8)])
    far = sum((x - math.cos(3.0 * i)) ** 2 for i, x in enumerate(point))
    return math.exp(-far / 8.0)


def train(values: Values, chance: random.Random) -> float:
    """Logistic regression by stochastic gradient descent on few, noisy examples; `exp(-loss)` on others.

    Examples, order and first weights are the seed's, and so is what the score happens to be.
    """
    learning_rate, l2 = float(values["learning_rate"]), float(values["l2"])
    momentum, decay = min(0.99, max(0.0, float(values["momentum"]))), float(values["decay"])
    first, width = float(values["first_weights"]), float(values["width"])
    features = _FEATURES[str(values["features"])]
    examples = [_example(chance, features, width) for _ in range(100)]
    weights = [chance.gauss(0.0, first) for _ in range(len(examples[0][0]))]
    speed = [0.0] * len(weights)
    for step in range(160):
        inputs, label = examples[chance.randrange(40)]
        slope = _sigmoid(sum(w * x for w, x in zip(weights, inputs, strict=True))) - label
        rate = learning_rate / (1.0 + abs(decay) * step)
        for k, x in enumerate(inputs):
            speed[k] = momentum * speed[k] - rate * (slope * x + l2 * weights[k])
            weights[k] = max(-50.0, min(50.0, weights[k] + speed[k]))
    loss = 0.0
    for inputs, label in examples[40:]:
        chosen = _sigmoid(sum(w * x for w, x in zip(weights, inputs, strict=True)))
        loss -= math.log(max(1e-6, chosen if label else 1.0 - chosen))
    return math.exp(-loss / 60.0)


def _example(chance: random.Random, features: int, width: float) -> tuple[list[float], int]:
    a, b, c = (chance.gauss(0.0, 1.0) for _ in range(3))
    logit = 1.5 * a - b + 2.0 * (a * b) + 0.5
    label = int(chance.random() < _sigmoid(logit))
    inputs = [1.0, a, b, c]
    if features > 0:
        inputs += [a * b, b * c, a * c]
    if features > 1:
        inputs += [a * a, b * b, c * c]
    return [math.tanh(x / width) * width if width > 0.0 else 0.0 for x in inputs], label


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, x))))


def training(values: Values) -> float:
    """The mean over many seeds."""
    scores = [train(values, random.Random(f"truth/{i}")) for i in range(TRAINING_SEEDS)]
    return sum(scores) / len(scores)


_FEATURES = {"plain": 0, "products": 1, "all": 2}
_TRUTHS = {
    "rastrigin": rastrigin,
    "training": training,
    "deceptive": deceptive,
    "packing": packing,
    "bowl": bowl,
}
