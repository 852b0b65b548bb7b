"""What a watcher is told while an engine works, and how it asks the engine to stop.

Events are for showing only: nothing is decided by them, and losing one loses nothing, because all
that matters is in the facts. Numbers are on the score (higher is better); whoever shows them flips
them back with the metric that `Began` carries.
"""

from dataclasses import dataclass, field
from typing import Literal

from move37.core.facts import Fact
from move37.core.records import Belief, Budget, Metric


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where the current epoch of a study stands."""

    opened: int = 0
    """Experiments that count against the budget: all but the baseline."""
    measured: int = 0
    failed: int = 0
    """Rejected proposals and programs whose first trial failed."""
    kept: int = 0
    """Experiments that were believed better than everything before them."""
    champion: int | None = None
    best: Belief | None = None
    """Of the champion's true score."""
    baseline: Belief | None = None
    effect: Belief | None = None
    """Of the champion's true score minus the baseline's."""
    noise: float | None = None
    """Standard deviation of one trial's score. `None` before it is known."""
    seconds_worked: float = 0.0
    """Wall time of all sessions so far."""
    usd: float = 0.0
    paused_by: str | None = None
    """Who paused the study. `None`: it is not paused."""

    @property
    def finished(self) -> int:
        return self.measured + self.failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Began:
    """An engine starts to work on a study, or goes on with it."""

    task: str
    goal: str
    metric: Metric
    budget: Budget
    workers: int
    sandbox: str
    """Level and name, such as `B, user`."""
    note: str = ""
    """What a person should know of this session, in a sentence, such as why there are fewer workers."""
    standing: Standing = field(default_factory=Standing)
    """What earlier sessions left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseBegan:
    """The engine turns to something else: `search` may be followed by `certify`."""

    phase: Literal["baseline", "check", "search", "certify", "ablate"]
    trials: int | None = None
    """How many trials it will take, where that is fixed beforehand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStarted:
    """A trial or a check was given to the runner. It ends with the `Recorded` fact of the same job."""

    job: str
    """`Job.id`."""
    experiment: int
    purpose: Literal["search", "certify", "stage", "check", "probe"]
    timeout_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A fact is stored for good."""

    fact: Fact


@dataclass(frozen=True, kw_only=True, slots=True)
class Progressed:
    """The standing after what was just recorded."""

    standing: Standing


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The engine stopped on its own terms."""

    reason: str
    """One sentence for a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remarked:
    """Something by the way, such as that a notification was sent. From any thread."""

    text: str


Event = Began | PhaseBegan | JobStarted | Recorded | Progressed | Ended | Remarked


class Stop:
    """A wish to stop, from a person. Safe to use from a signal handler and from any thread."""

    def __init__(self) -> None:
        self.requests = 0

    def request(self) -> int:
        """Ask once more; return how often it was asked."""
        self.requests += 1
        return self.requests

    @property
    def soft(self) -> bool:
        """Open nothing new, and finish what runs."""
        return self.requests >= 1

    @property
    def hard(self) -> bool:
        """Stop now, and throw away what runs: it is done again when the study goes on."""
        return self.requests >= 2
