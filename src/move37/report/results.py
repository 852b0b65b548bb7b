"""What the commands return that is not a view of the history: frozen records for every face.

`move37.app` fills them in; faces translate them. All of them encode as JSON by `as_json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from move37.report.certificates import CertificateView
from move37.report.surprises import Surprise
from move37.report.views import Detail, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Something that `init` cannot find out by itself."""

    key: str
    """Of `move37.toml`, such as `metric.name`."""
    text: str
    """The question, for a person, without a question mark's worth of context left out."""
    suggestion: str | None = None
    """What an empty answer means. `None`: an answer is needed."""
    choices: tuple[str, ...] = ()
    """Empty: any answer may do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drafted:
    """What a model proposes to write, for a person to agree to."""

    text: str
    """Of `move37.toml`, to the byte."""
    plan: str
    """Of `program.md`; empty when none would be written."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Initialised:
    path: Path
    """The `move37.toml` that was written, was there, or would have been written."""
    written: bool
    layout: str
    """What was recognised, such as `karpathy/autoresearch`."""
    notes: tuple[str, ...] = ()
    """What a person should look at before the first run."""
    is_drafted: bool = False
    """Whether a model drafted it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How one session on a study ended."""

    halt: str
    """`budget`, `stopped`, `exhausted` or `baseline`."""
    reason: str
    """The same in a sentence."""
    status: Status
    certified: CertificateView | None = None
    """From the certification at the end of the run, where there was one."""

    @property
    def stopped_early(self) -> bool:
        return self.halt == "stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A study as tables for another tool."""

    format: str
    path: Path
    """The directory that holds them."""
    files: tuple[str, ...]
    """In it."""
    experiments: int
    trials: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """The experiments as a table for other tools."""

    text: str
    """Tab-separated, with a header."""
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Diff:
    experiment: int
    other: int
    text: str
    """Unified diff from `other` to `experiment`; empty when the programs are equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Every derived figure was computed again from the stored facts, and compared."""

    facts: int
    figures: int
    """How many were compared."""
    mismatches: tuple[str, ...] = ()
    """One sentence each; empty when all is well."""

    @property
    def ok(self) -> bool:
        return not self.mismatches


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    experiment: int
    files: tuple[str, ...]
    """Paths that were changed in the user's directory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Branched:
    experiment: int
    branch: str
    commit: str
    """The last one: the whole program."""
    commits: tuple[str, ...] = ()
    """All of them, the first one first: one for each edit, where the effects of those are known."""
    subjects: tuple[str, ...] = ()
    """The first line of each one's message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patched:
    experiment: int
    text: str
    """A patch for `git apply`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequest:
    """What to say to those whose repository a result is for."""

    experiment: int
    title: str
    """One line, plain text."""
    body: str
    """Markdown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundled:
    """A study, or what a claim of it rests on, in one file."""

    path: Path
    size_bytes: int
    facts: int
    programs: int
    """How many are in it."""
    rewritten: int
    """Facts from which a path of the user's was taken out."""
    data: tuple[str, ...]
    """Linked and hidden files that are in it."""
    left_out: tuple[str, ...]
    """What a trial needs and is not in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduced:
    """A bundle's claim, measured again. Effects are positive where better."""

    experiment: int
    baseline: int
    metric: str
    claimed: float | None
    claimed_interval: tuple[float, float] | None
    effect: float | None
    interval: tuple[float, float] | None
    """`None` when fewer than two pairs finished."""
    level: float
    pairs: int
    failed: int
    """Pairs of which a trial failed."""
    baseline_value: float | None
    seed: int
    """All seeds came from this one."""
    verdict: str
    """`agrees`, `contradicts` or `unclear`."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    files: tuple[Path, ...]
    move37s: tuple[Surprise, ...] = ()
    """Certified, and against all expectation; the largest effect first."""
    surprises: tuple[Surprise, ...] = ()
    """Believed to be furthest above what was expected. Belief is no claim."""
    headline: str = ""
    """What is claimed, in one line; or that nothing is."""
    left_out: str = ""
    """Why there is no `progress.png`; empty when there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Awaited:
    """What has come of an experiment, or of a change that was handed in."""

    ticket: str | None
    """`None`: nobody handed it in."""
    experiment: int | None
    """`None` while it waits for its turn."""
    state: Literal["waiting", "running", "measured", "failed", "screened", "refused"]
    reason: str
    """In a sentence."""
    detail: Detail | None = None
    """All about the experiment, once it has an outcome."""

    @property
    def is_done(self) -> bool:
        return self.state not in ("waiting", "running")


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedIn:
    """A change that waits for its turn, safe on disk."""

    ticket: str
    author: str
    base: int
    """The experiment that it changes."""
    files: tuple[str, ...]
    """Paths that it changes."""
    hypothesis: str
    predicted_effect: float | None
    """Positive is better, as in every effect."""
    awaited: Awaited
    """What has come of it so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """The editable files of an experiment."""

    experiment: int
    files: Mapping[str, str]
    """Text by path; what is no UTF-8 is named in `binary` instead."""
    binary: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """Everything that somebody new needs to go on with a study, as text for a model or a person."""

    text: str
    tokens: int
    """Counted as one for every three bytes, more than tokenizers make of English and code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skilled:
    """Instructions for interactive agents are in place."""

    files: tuple[Path, ...]
    written: tuple[Path, ...]
    """Those that were not as they should be before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoResult:
    """A gallery task, run from start to certificate."""

    demo: str
    directory: Path
    run: RunResult
    champion: Detail | None
    diff: str
    """From the task as it ships to the champion."""
    chart: Path | None
    """`None` when matplotlib is not installed."""
    certified: CertificateView | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchResult:
    bench: str
    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    table: str = ""
    """For people; not part of the JSON contract."""
    targets: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a figure should be, such as `<= 15`, where there is a target."""
    files: Sequence[Path] = ()
