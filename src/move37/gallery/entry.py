"""What the gallery says about one of its tasks."""

from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal["learning", "mathematics", "speed", "control", "discovery"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""The order in which the gallery is shown; within a kind, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GalleryEntry:
    """A task that ships with the package and runs offline.

    Values of the metric are those that its page in `docs/gallery/` reports and says how to repeat: means
    over fresh seeds where the metric has noise.
    """

    name: str
    """Of the task, of its sub-package, and of its page, `docs/gallery/NAME.md`."""
    title: str
    kind: Kind
    minutes: float
    """Within so many it ends on two cores, even half as fast or as busy again; idle ones need about half."""
    metric: str
    """The metric's name in its `move37.toml`."""
    goal: Literal["minimize", "maximize"]
    """As in its `move37.toml`."""
    baseline: float
    """The metric of the program as it ships."""
    reached: float | None
    """What its default budget reached with `tune` and no model. `None`: nobody has recorded it."""
    best_known: float | None
    """The best value that anybody is known to have reached. `None`: nobody has looked."""
    best_known_source: str
    """Who reached it and where that is written, for people; empty where nobody has looked."""
    evaluator_version: int
    """Of the judge: `EVALUATOR_VERSION` in the task's `prepare.py`. Raised when equal programs may be given
    another value of the metric, which ends all comparison with what was recorded before."""
    experiments: int
    """Default budget for a first look."""
    hours: float
    """When the search of a first look ends at the latest: after some two thirds of `minutes`, so that there
    is time to certify."""
    source: str
    """Where the task comes from, for people."""
    needs: tuple[str, ...] = ()
    """Packages that it needs beyond those of move37's core, as `pip install` takes them."""
    common: tuple[str, ...] = ()
    """Files that it has in common with other tasks: names in `gallery/common/task/`."""
    share: float | None = field(init=False)
    """Of the way from the baseline to the best known value, how much is `reached`. The rest is what a
    model is for. `None` where one of the two is not known."""

    def __post_init__(self) -> None:
        share = None
        if self.reached is not None and self.best_known is not None:
            share = (self.reached - self.baseline) / (self.best_known - self.baseline)
        object.__setattr__(self, "share", share)
