"""The tasks of `bench search` and `bench peers`: where each program starts, how noisy it is, what may be turned.

How a task is scored is in `search_scores.py`, which goes along to where engines work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from move37.bench import search_scores as scores

PROGRAM = "program.py"
MARKS = ("# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END")
"""What may change stands between them, for engines that want to be told so."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A constant, and how far a small step goes."""

    start: float
    step: float
    low: float
    high: float
    is_scale: bool = False
    """Whether steps multiply: learning rates and the like."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchTask:
    """A program to improve. Higher is better."""

    name: str
    score: str
    """Its name in `search_scores`."""
    goal: str
    knobs: Mapping[str, Knob]
    switches: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Choices by name, the one at the start first."""
    noise: float = 0.0
    is_noisy: bool = True
    seconds: float = 0.0
    """Median duration of an evaluation beyond what it computes."""
    sigma: float = 0.0
    """Of the logarithm of the duration."""
    workers: int = 1
    """Evaluations at once, for every engine."""

    @property
    def program(self) -> str:
        """The one to begin with."""
        lines = [f"{name} = {show(knob.start)}" for name, knob in self.knobs.items()]
        lines += [f'{name} = "{choices[0]}"' for name, choices in self.switches.items()]
        return "\n".join([f'"""{self.goal}"""', "", MARKS[0], *lines, MARKS[1], ""])

    def truth(self, program: str) -> float:
        """The true score of a program that is made of this task's constants."""
        return scores.truth(self.score, scores.read(program))


def show(value: float) -> str:
    """A constant as programs write it."""
    return f"{value:.4g}" if 0 < abs(value) < 0.1 else f"{value:.4f}"


def _rastrigin(name: str, noise: float) -> BenchTask:
    start = (-0.12, -0.19, -0.11, 1.97, -2.84, 2.66, -1.57, -0.91, 3.57, 2.15)
    return BenchTask(
        name=name,
        score="rastrigin",
        goal="Ten constants; a landscape with many local maxima.",
        knobs={f"x{i}": Knob(x, 0.3, -5.12, 5.12) for i, x in enumerate(start)},
        noise=noise,
        is_noisy=noise > 0,
    )


_TRAINING = BenchTask(
    name="training",
    score="training",
    goal="Settings of a tiny training run; validation likelihood.",
    knobs={
        "learning_rate": Knob(0.02, 0.5, 1e-4, 10.0, is_scale=True),
        "l2": Knob(0.0001, 1.0, 1e-6, 1.0, is_scale=True),
        "momentum": Knob(0.0, 0.15, 0.0, 0.99),
        "decay": Knob(0.001, 1.0, 1e-5, 1.0, is_scale=True),
        "first_weights": Knob(1.0, 0.5, 0.001, 3.0, is_scale=True),
        "width": Knob(3.0, 0.3, 0.1, 20.0, is_scale=True),
    },
    switches={"features": ("plain", "products", "all")},
)
_DECEPTIVE = BenchTask(
    name="deceptive",
    score="deceptive",
    goal="Two choices that help only together, and four constants that help a little.",
    knobs={name: Knob(0.0, 0.5, -5.0, 8.0) for name in "abcd"},
    switches={"layout": ("rows", "columns"), "kernel": ("scalar", "vector")},
    noise=0.02,
)
_CENTRES = (
    (0.290, 0.535),
    (0.396, 0.583),
    (0.601, 0.152),
    (0.111, 0.770),
    (0.307, 0.287),
    (0.897, 0.476),
    (0.769, 0.481),
)
_PACKING = BenchTask(
    name="packing",
    score="packing",
    goal="Centres of seven circles in the unit square; the sum of their radii.",
    knobs={
        f"{axis}{i}": Knob(centre[n], 0.06, 0.0, 1.0)
        for i, centre in enumerate(_CENTRES)
        for n, axis in enumerate("xy")
    },
    is_noisy=False,
)
_HEAVY = BenchTask(
    name="heavy_tailed",
    score="bowl",
    goal="Eight constants; an evaluation that takes very different times.",
    knobs={f"w{i}": Knob(1.0 if i % 2 else -0.5, 0.3, -4.0, 4.0) for i in range(8)},
    noise=0.05,
    seconds=0.02,
    sigma=1.0,
    workers=4,
)
TASKS: Mapping[str, BenchTask] = {
    task.name: task
    for task in (
        _rastrigin("rastrigin", 0.02),
        _rastrigin("rastrigin_exact", 0.0),
        _TRAINING,
        _DECEPTIVE,
        _PACKING,
        _HEAVY,
    )
}
"""By name. `rastrigin` is the one of the design's measurement."""
