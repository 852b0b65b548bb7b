"""What the gallery says about one of its tasks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class GalleryEntry:
    """A task that ships with the package and runs offline."""

    name: str
    title: str
    minutes: float
    """How long its default budget takes on two cores, about."""
    metric: str
    """The metric's name in its `move37.toml`."""
    best_known: float | None
    """The best value of the metric that we have seen, mean over seeds; on the Python that the
    task's page in docs/gallery names. `None`: nobody has looked."""
    experiments: int
    """Default budget for a first look."""
    hours: float
    """No first look takes longer than this."""
    source: str
    """Where the task comes from, for people."""
