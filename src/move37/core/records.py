"""The nouns of move37.

Everything here is frozen: a record read from the store never changes under its reader, and a new
fact is a new record. Units are in the names. Higher is better in every `score`; faces flip back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

# --- the task ------------------------------------------------------------------------------------


class Direction(StrEnum):
    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Which files a candidate may change, and which it may see. Globs, relative to the task."""

    edit: tuple[str, ...]
    """Everything else is restored for each trial and read-only inside the sandbox."""
    link: tuple[str, ...] = ()
    """Large inputs: mounted read-only, never copied."""
    hide: tuple[str, ...] = ()
    """Visible to `score` and to `certify` only."""
    between: tuple[str, str] | None = None
    """Two marks. A file with lines that hold them may change between these lines only; see `core.regions`."""


MOST_STAGES = 8
"""So many cheap stages an evaluation can have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationStage:
    """A cheaper evaluation, run first: only what may still matter goes on from it."""

    name: str
    run: str
    """Like that of the evaluation: fewer steps, fewer cases."""
    score: str | None = None
    timeout_seconds: float = 600.0
    has_timeout: bool = True
    """Whether somebody wrote that; else a trial has as long as `referee.seeds.run_limit` says."""
    metric: "Metric | None" = None
    """On a scale of its own. `None`: printed as the task's metric."""
    keep: float = 0.1
    """At least this share of the experiments goes on; more do while the stage says little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """How a program is measured."""

    run: str
    """A shell command: candidate code, fenced in."""
    score: str | None = None
    """A trusted shell command that judges what `run` left in `$MOVE37_OUT`. `None`: self-reported."""
    timeout_seconds: float = 600.0
    has_timeout: bool = True
    """Whether somebody wrote that; else a trial has as long as `referee.seeds.run_limit` says."""
    memory_bytes: int = 4 * 1024**3
    cpus: int = 1
    pair: bool = False
    exclusive: bool = False
    """Whether a trial has its cores to itself among the trials of the study: for timings."""
    stages: tuple[EvaluationStage, ...] = ()
    """Cheap first. Each experiment passes them before it is measured in full."""
    early_stop: bool = False
    """Whether a running trial is ended whose learning curve is hopeless against the champion's."""
    score_runs: bool = False
    """Whether `score` runs the candidate's program, which could then forge what `score` says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    name: str
    direction: Direction
    min_effect: float = 0.0
    """Smaller differences, in the metric's own unit, are not worth a change."""
    regex: str | None = None
    """Finds the number when it is not printed in one of the known ways; its first group is it."""

    def score(self, value: float) -> float:
        """The metric's value, turned so that higher is better."""
        return value if self.direction is Direction.MAXIMIZE else -value

    def value(self, score: float) -> float:
        """The metric's value, for people: the inverse of `score`."""
        return self.score(score)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A command that must exit 0 before an experiment can be champion."""

    name: str
    command: str
    timeout_seconds: float | None = None
    """`None`: ten minutes, or as long as a trial may take if that is longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """A metric that must stay within a bound."""

    metric: str
    operator: Literal["<=", "<", ">=", ">"]
    bound: float
    of_baseline: bool = False
    """Whether `bound` is a multiple of what the baseline has, and not a value of the metric."""

    def holds(self, value: float) -> bool:
        match self.operator:
            case "<=":
                return value <= self.bound
            case "<":
                return value < self.bound
            case ">=":
                return value >= self.bound
            case ">":
                return value > self.bound

    def __str__(self) -> str:
        relative = "x baseline" if self.of_baseline else ""
        return f"{self.metric} {self.operator} {self.bound:g}{relative}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """When to stop. `None`: no such limit."""

    experiments: int | None = None
    hours: float | None = None
    usd: float | None = None


PAIRS_LIMIT = 1000
"""No certification takes more pairs of trials than this, whatever it is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a claim may cost, and how often one may be false."""

    pairs: int | None = None
    """Pairs of fresh trials at the most. `None`: planned from what the search believes."""
    alpha: float = 0.05
    """The probability that a study makes any false claim, however often it certifies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hints:
    """What the policy may do with what it has learned. It learns in any case."""

    use: bool = False
    """Whether hopeless changes are let go before they are measured, and promising ones measured first."""
    remember: bool = True
    """Where it is used: whether it learns from the user's other studies, and they from this one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fence:
    """How strongly `run` is fenced in, and what it may see besides the task."""

    level: Literal["auto", "root", "user", "plain"] = "auto"
    """`auto` takes the strongest that works here and never falls to `plain` by itself."""
    read: tuple[str, ...] = ()
    """More absolute paths that the evaluation needs to read, such as a compiler in `/opt`."""
    scratch: tuple[str, ...] = ()
    """Absolute paths where each launch finds an empty directory of its own, such as `/app`."""
    env: tuple[str, ...] = ()
    """Names of environment variables to pass through; all others are cleared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposerSpec:
    """One `[[proposer]]` table: its kind, and whatever else it says, for that proposer to parse."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What to improve, and how we will know."""

    name: str
    root: Path
    """The user's directory, absolute. Only read, but for `apply` and `branch`."""
    goal: str
    files: Files
    evaluate: Evaluation
    metric: Metric
    also: tuple[Metric, ...] = ()
    """Secondary metrics: shown beside the metric, and in the Pareto front; they decide nothing."""
    checks: tuple[Check, ...] = ()
    limits: tuple[Limit, ...] = ()
    budget: Budget = field(default_factory=Budget)
    fence: Fence = field(default_factory=Fence)
    claims: Claims = field(default_factory=Claims)
    policy: Hints = field(default_factory=Hints)
    proposers: tuple[ProposerSpec, ...] = (ProposerSpec(kind="tune"),)
    search: str = "lineage"


QUEUE = "queue"
"""Name of the proposer of what people and agents outside hand in."""
MERGE = "merge"
"""Name of the proposer that merges two programs, and its kind of move."""
CONFLICT = "conflict"
"""How the reason begins for which it could not: somebody else may be able to."""


# --- what came of an experiment ------------------------------------------------------------------

Stage = Literal["propose", "sandbox", "run", "score", "metric", "limit", "check"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One trial that finished and printed a number."""

    score: float
    """Higher is better, always. Finite."""
    metrics: Mapping[str, float]
    """Everything the evaluation printed, in its own units."""
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    unit_error: float | None = None
    """Standard error of the score as a mean over units. `None`: no units, or fewer than two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """There is no trustworthy number. That is a result too."""

    stage: Stage
    reason: str
    """One sentence for a person."""
    output: str = ""
    """The last lines the program printed, for whoever proposes next."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Screened:
    """Let go before it was measured in full, as it was unlikely to matter. The program did not fail."""

    by: Literal["stage", "curve", "policy"]
    """What said so: a cheap stage, the learning curve of a running trial, or, before anything of it was
    run, the policy."""
    reason: str
    """One sentence for a person."""
    predicted: float
    """Of the score that a full trial would have had, as seen then: mean and standard deviation.
    By the policy: of the true score."""
    predicted_sd: float
    chance: float
    """That it would have beaten the champion, 0 to 1, as seen then."""
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    """What had been printed so far."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0


Outcome = Measured | Failed | Screened

Purpose = Literal["search", "certify", "stage"]
"""Why a trial ran. Belief learns from `search` and `certify`, a claim rests on `certify` alone; a `stage`
is a cheaper evaluation with a score on a scale of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One run of the evaluation of one experiment."""

    purpose: Purpose
    index: int
    """Counts from 0 for each experiment and purpose. Equal index, equal seed: trials can be paired.
    Of a `stage` trial it is the number of the stage, plus `MOST_STAGES` for each repeat."""
    seed: int
    outcome: Outcome
    paired_with: int | None = None
    """The experiment that was measured back to back with it, on the same seed, if any was."""
    reference: float | None = None
    """The score of that one then. `None`: it did not run, or failed."""
    paired_error: float | None = None
    """Standard error over units of the difference from the baseline on the same seed and units."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A change to a program, and why somebody thinks it is worth a trial."""

    changes: Mapping[str, bytes | None]
    """New content of each changed file, by its path in the task; `None` deletes it."""
    move: str
    """The kind of edit, such as `tune.number`: belief and policy learn by kind."""
    hypothesis: str
    predicted_effect: float | None = None
    """On the score. `None`: no opinion."""
    prior: float | None = None
    """How promising the move looked among its alternatives, 0 to 1. `None`: no opinion."""
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON for the proposer's own memory, such as which constant became what."""
    usd: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a proposer asks of somebody outside: a model, an agent. All that is needed to ask it."""

    prompt: str
    """All that is sent, for people to read."""
    model: str = ""
    """Who is asked, such as `openai:gpt-5` or `claude`."""
    usd_at_most: float = 0.0
    """It will not cost more."""
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON, for whoever asks it: messages, limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back, before anybody has read it."""

    text: str = ""
    changes: Mapping[str, bytes | None] | None = None
    """Of one who changed files itself, such as an agent: see `Proposal.changes`. `None`: read the text."""
    failed: str = ""
    """Why there is no answer, in a sentence; empty when there is one."""
    model: str = ""
    """Who answered, as it calls itself."""
    usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON, for whoever reads it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """What the policy expected of a change before it was run, from all that was known then."""

    prior: float
    """That a change of this kind, at this place, by this proposer makes its parent better, 0 to 1."""
    mean: float
    """Of the change's effect on the score of its parent, if the program can be measured."""
    sd: float
    fails: float
    """That it cannot be measured, 0 to 1."""
    learned_from: int
    """What came of so many changes was known."""
    scale: float = 0.0
    """The size of effects then: they shrink as a study goes on."""


# --- belief and verdict --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Belief:
    """Posterior of a program's true score (or of a difference of two): a normal with this mean and sd."""

    mean: float
    sd: float


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNCLEAR = "unclear"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An effect with its confidence interval, on the score."""

    effect: float
    low: float
    high: float
    level: float
    """Such as 0.95."""
    pairs: int
    """How many pairs of trials it rests on."""


# --- what a reader of a change should know ------------------------------------------------------

Gravity = Literal["note", "look", "serious"]
"""A `note` is nothing to worry about; `look` before you believe; `serious` is what a cheat does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One thing about a change that bears on whether its gain is real."""

    topic: str
    """Such as `seed` or `timing`."""
    gravity: Gravity
    what: str
    """What the change newly does, or what the trials show. A sentence without its full stop."""
    why: str
    """Why it matters, likewise."""
    path: str | None = None
    """`None` for what the trials show."""
    line: int | None = None
    """In the changed file, from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheatReport:
    """What a change touches that a gain could be faked with, and whether the gain vanishes."""

    experiment: int
    remarks: tuple[Remark, ...]
    """The gravest first."""

    @property
    def gravest(self) -> Gravity | None:
        """`None`: nothing to remark."""
        return self.remarks[0].gravity if self.remarks else None


# --- what the evaluation would believe ---------------------------------------------------------

Grade = Literal["A", "B", "C", "D", "E", "F"]
"""Of an evaluation, A the best; `docs/check.md` says what each stands for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Whether an evaluation believes one cheat."""

    probe: str
    believed: bool | None
    """`None`: it was not tried."""
    false_metric: bool
    """Whether the cheat is a way to print a false metric, which a self-reporting program can do."""
    told: str
    """What came of it, in a sentence."""
    advice: str = ""
    """What to change, in a sentence; empty where there is nothing to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """What the repeats of the baseline say about its evaluation. On the score, but for the rest."""

    finished: int
    failed: int
    mean: float
    sd: float | None
    """Of one trial, over seeds. `None` after a single one."""
    drift: float | None
    """From the first to the last repeat, where that is more than chance would do; else `None`."""
    repeats_exactly: bool | None
    """Whether equal seeds give equal scores. `None`: not known."""
    seconds: float
    """Of one trial, the mean."""
    peak_memory_mb: float
    """The largest."""


# --- which edits matter --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class EditEffect:
    """One edit of a program, and what taking it out does."""

    label: str
    """Such as `LEARNING_RATE = 0.001 → 0.003`."""
    places: tuple[str, ...]
    """Such as `train.py:17`."""
    steps: tuple[int, ...]
    """The experiments that it came from."""
    experiment: int | None
    """The program without it. `None`: it was not tried."""
    effect: Interval | None
    """Of taking it out, on the score: below 0, it is needed. `None` when nothing could be measured."""
    kept: bool
    reason: str
    """Why it is kept or dropped, in a sentence."""


# --- search --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Extend:
    """Start a new experiment from these parents: one for an edit, two for a merge."""

    parents: tuple[int, ...]
    proposer: str
    strategy: str = ""
    """Which of a portfolio's strategies chose the parents; empty for the study's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeat:
    """Run one more trial of an experiment that has been measured already."""

    experiment: int


Choice = Extend | Repeat


# --- work for a runner ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveLine:
    """Regression of the final score on the curve up to a step: its level, and its recent rise."""

    step: float
    centre: tuple[float, float]
    """Means of level and rise over the finished curves."""
    intercept: float
    """Mean of their final scores."""
    slopes: tuple[float, float]
    sd: float
    """Of the residuals."""
    inverse: tuple[float, float, float]
    """Of the features' centred cross products: first, off-diagonal, second."""
    n: int
    freedom: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveRule:
    """When a running trial is hopeless: what its final score will be, given its curve so far."""

    name: str
    """The metric whose printed values are the curve."""
    lines: tuple[CurveLine, ...]
    """By ascending step."""
    target: float
    """The champion's believed score."""
    chance: float
    """A trial is ended when its chance to beat the target is below this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialJob:
    """Run the evaluation once."""

    experiment: int
    commit: str
    purpose: Purpose
    index: int
    seed: int
    reference: int | None = None
    """Measure this experiment, too, back to back with it: `evaluate.pair`."""
    reference_commit: str | None = None
    split: int = 0
    """Becomes `MOVE37_SPLIT`: an evaluation may draw its validation set from it."""
    holdout: bool = True
    """Whether a trial that certifies may look at the hold-out. Others never do."""
    curve: CurveRule | None = None
    """`None`: it runs to its end, whatever its curve."""
    timeout_seconds: float | None = None
    """Of `run`, where the task writes none; `None`: what the task says."""

    @property
    def id(self) -> str:
        return f"x{self.experiment}-{self.purpose}-{self.index}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckJob:
    """Run one of the task's checks."""

    experiment: int
    commit: str
    check: Check

    @property
    def id(self) -> str:
        return f"x{self.experiment}-check-{self.check.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeJob:
    """Find out whether the evaluation believes a cheat that a changed baseline would try."""

    experiment: int
    """The baseline."""
    commit: str
    probe: str
    """Name of the cheat, or `null-edit`."""
    seed: int
    value: float
    """In the metric's own unit: better than anything that was measured."""
    printed: str
    """How the evaluation would print that."""
    split: int = 0

    @property
    def id(self) -> str:
        return f"x{self.experiment}-probe-{self.probe}"


Job = TrialJob | CheckJob | ProbeJob


# --- the board -----------------------------------------------------------------------------------

PostKind = Literal["hypothesis", "finding", "lesson", "question", "answer", "idea"]

Role = Literal["person", "proposer", "agent"]
"""Who writes: a person, a proposer of the study, or an agent outside, as they say themselves."""

Taint = Literal["person", "model", "output"]
"""Where words come from: a person, a model, or what a candidate printed, which may be made to deceive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An experiment that a post is about."""

    experiment: int
    effect: Belief | None = None
    """What was believed of its effect on its first parent when the post was taken in. `None`: nothing."""


# --- steering --------------------------------------------------------------------------------------

Deed = Literal[
    "pause", "resume", "stop", "pin", "unpin", "veto", "unveto", "hold", "release", "budget", "text"
]
Way = Literal["proposer", "move", "file"]
"""In which direction a search may go: who proposes, what kind of edit, in which file."""
Resource = Literal["experiments", "hours", "usd"]
"""What a budget limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a person wants a study to do. What a deed does not need has its default."""

    does: Deed
    experiment: int | None = None
    """That is pinned or vetoed, or no more."""
    way: Way | None = None
    """The direction that is held or released: with `name`."""
    name: str = ""
    """Of a proposer; of a kind of move, `tune` for all that begin with `tune.`; of a file."""
    resource: Resource | None = None
    amount: float | None = None
    """Of the budget. `None`: no limit."""
    text: str = ""
    """All of `program.md`."""
    reason: str = ""


# --- the sandbox ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """A directory or file of the host, shown read-only at a path relative to the workspace."""

    source: Path
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One program to run, fenced in."""

    command: str
    """For `/bin/sh -c`, with the workspace as its working directory."""
    workspace: Path
    """A directory of ours, writable by the program, thrown away afterwards."""
    out: Path
    """Becomes `$MOVE37_OUT`; writable; what the program leaves there is read by `score`."""
    candidate: Path | None = None
    """Becomes `$MOVE37_CANDIDATE`, read-only: a candidate's files, as data. `None`: there is none."""
    protect: tuple[str, ...] = ()
    """Paths in the workspace that the program must not be able to change, remove or replace."""
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_seconds: float = 600.0
    memory_bytes: int = 4 * 1024**3
    disk_bytes: int = 8 * 1024**3
    """What workspace, out and /tmp may hold together."""
    cpus: int = 1
    network: bool = False
    """Whether it may use the network, this machine's own included. Never for what is measured."""


Ending = Literal["exited", "signalled", "timeout", "memory", "disk", "stopped"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exit:
    """How a launched program ended. The whole process tree is gone by then."""

    ending: Ending
    code: int
    """Exit status, or the signal's number when `signalled`."""
    stdout: bytes
    """Bounded: the first and the last part, with a line that says how much is left out between."""
    stderr: bytes
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Strength:
    """What a sandbox proved about itself on this machine."""

    level: Literal["A", "B", "C", "D", "E"]
    name: str
    holds: tuple[str, ...]
    """What the self-test showed to be prevented, in plain words."""
    lacks: tuple[str, ...]
    """What is not prevented here."""
