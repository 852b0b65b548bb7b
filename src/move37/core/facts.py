"""What happened: the append-only facts that a study is made of.

Everything else (lineage, belief, verdicts, champion, budget spent) is a fold over these and can be
computed again from them; `move37 verify` does so. Facts are JSON-encodable by msgspec as they stand.
Times of day live beside a fact, in its `Row`, so that two studies can be compared fact by fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from move37.core.records import (
    Belief,
    Budget,
    CheckJob,
    EditEffect,
    Failed,
    Finding,
    Grade,
    Guess,
    Interval,
    Job,
    Link,
    Order,
    PostKind,
    ProbeJob,
    Repeats,
    Role,
    Screened,
    Taint,
    Trial,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochStarted:
    """The task was snapshotted. Trials are compared within an epoch only."""

    epoch: int
    fingerprint: str
    """Of everything that affects measurement; a change of it starts the next epoch."""
    task: Mapping[str, Any]
    """The task as written, without the user's paths."""
    baseline: int
    """The experiment that is the unchanged task."""
    commit: str
    identity: str
    seed: int
    """Every seed of the epoch derives from this one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """Search chose: somebody shall change these parents."""

    experiment: int
    epoch: int
    parents: tuple[int, ...]
    proposer: str
    seed: int
    ticket: str | None = None
    """Of the change that somebody outside handed in; see `Submitted`."""
    strategy: str = ""
    """Which of a portfolio's strategies chose the parents; empty for the study's own."""
    idea: int | None = None
    """The post whose idea its proposer shall try."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """Somebody outside, a person or an agent, handed in a change; it waits for its turn.

    The change itself is an attachment, `queue-<ticket>/changes`.
    """

    ticket: str
    author: str
    """As they call themselves."""
    base: int
    """The experiment that it changes."""
    hypothesis: str
    predicted_effect: float | None = None
    """On the score."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question is about to go out to a model or an agent. What it may cost counts as spent from now on,
    until the answer says what it did. The question is an attachment, `x12-ask-0/question`."""

    experiment: int
    round: int
    """0; 1 for the question that asks to mend the answer to the first. Asked again, with the same
    number, when an engine died before the answer was stored."""
    model: str
    usd_at_most: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came back is stored, as the attachment `x12-ask-0/answer`; nobody has read it yet."""

    experiment: int
    round: int
    model: str
    failed: str = ""
    """Why there is no answer; empty when there is one."""
    usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposed:
    """The changed program is in the code store. Recorded before it is run."""

    experiment: int
    commit: str
    identity: str
    """Equal for programs that differ in comments and layout only: such a one is never run twice."""
    move: str
    hypothesis: str
    predicted_effect: float | None = None
    prior: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    usd: float = 0.0
    size: int | None = None
    """How many lines of the baseline the program removes and adds. `None`: nobody counted."""
    traits: tuple[str, ...] = ()
    """What the change is like, such as `node:number` and `name:learning_rate`: what the policy learns by."""
    guess: Guess | None = None
    """What the policy expected of it. `None`: it was not asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """There was nothing to run: no usable change, or one that was run before."""

    experiment: int
    failed: Failed
    usd: float = 0.0
    held: bool = False
    """Whether it was of a direction that a person has paused: it counts against no budget of experiments."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One run of the evaluation ended."""

    experiment: int
    trial: Trial


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """What a cheap stage decided of an experiment."""

    experiment: int
    stage: int
    screened: Screened | None
    """`None`: it goes on."""
    reason: str = ""
    """Why it goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """One of the task's checks ran on an experiment."""

    experiment: int
    check: str
    passed: bool
    reason: str = ""
    """Why not, in one sentence; empty when it passed."""
    output: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificationOpened:
    """This experiment will be compared with the baseline, or another reference, on fresh seeds."""

    certification: int
    """Counts from 0 over the study: its seeds derive from it."""
    experiment: int
    baseline: int
    """What it is compared with: the baseline of its epoch, or any other experiment of it."""
    believed: Belief
    """What the search believed of the effect, before any fresh evidence."""
    pairs: int
    """How many pairs of trials there may be at the most: fixed before the first one."""
    rule: Literal["fixed", "sequential"] = "fixed"
    """`sequential` looks at the evidence as it comes in and ends when that decides; `fixed`, as in
    studies of old, looks once, at all pairs."""
    margin: float | None = None
    """`None`: is it better, by more than `min_effect`? A number: is it not worse by so much or more?"""
    alpha: float = 0.05
    """What all claims of the study together may err with; this one has its share of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certified:
    """What the fresh evidence said."""

    certification: int
    experiment: int
    baseline: int
    effect: Interval | None
    """`None` when too few of the fresh trials finished."""
    baseline_score: float | None
    """Mean score of the baseline's fresh trials."""
    holdout: Interval | None
    """The same on the hold-out, where the evaluation has one."""
    holdout_baseline_score: float | None
    claim: bool
    """The interval excludes `min_effect` (better: an improvement), or the margin (not worse)."""
    reason: str
    """The verdict in one sentence, with n, the interval and the rule."""
    kind: Literal["better", "not worse"] = "better"
    """What was asked, and is said if `claim`."""
    estimate: Interval | None = None
    """The likeliest effect, from belief and fresh evidence together, with its 90 % interval. `effect`
    decides claims and has to hold whenever one stops, so it is wider; this one is calibrated."""
    shrinkage: float | None = None
    """What the search believed of the effect, less the estimate: how much of it was luck."""
    overfit: Interval | None = None
    """What the search believed less what is seen on the freshest evidence alone, with its 90 %
    interval: on the hold-out where there is one, and else on fresh seeds, splits and units. `None`,
    too, where the hold-out's result is repeated from an earlier certificate, which tells it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probed:
    """A cheat was tried on the evaluation, for its certificate."""

    experiment: int
    """The baseline, changed for this; no experiment comes of it."""
    probe: str
    sandbox: str
    """Level and name: in another one, it has to be tried again."""
    by_edit: bool
    """Whether an editable file was changed. If not, a command stood in for what `run` starts."""
    ran: bool
    """Whether the cheat's own code got to run."""
    score: float | None
    """What was believed; `None` when the trial failed."""
    failure: str = ""
    """Why it failed; empty when it did not."""
    effects: tuple[str, ...] = ()
    """What it did besides, as seen from outside, such as `read the hidden file 'answers.csv'`."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluatorChecked:
    """The evaluator certificate of an epoch: what its evaluation would believe."""

    experiment: int
    """The baseline of the epoch."""
    grade: Grade
    reason: str
    """Why it is this grade, in a sentence."""
    scored: bool
    """Whether a trusted `score` prints the metric, and not the program itself."""
    sandbox: str
    repeats: Repeats
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AblationOpened:
    """The edits of this experiment will be taken out, one by one, to see which of them matter."""

    ablation: int
    """Counts from 0 over the study."""
    experiment: int
    edits: int
    """How many it was cut into."""
    first: int
    """The index of the first search trial that counts: the earlier ones helped to choose it."""
    margin: float
    """On the score: an edit does nothing if taking it out costs less. Fixed before the first trial."""
    trials: int
    """At most so many, certification apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablated:
    """Which edits of an experiment matter, and the program that has no others."""

    ablation: int
    experiment: int
    effects: tuple[EditEffect, ...]
    pruned: int | None
    """Certified not to be worse by the margin or more. `None`: there is no such program."""
    reason: str
    """In one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """Somebody wrote on the board."""

    post: int
    """Counts from 1 over the study, without gaps."""
    ticket: str
    """Of the note that it came in; what is read twice is known to be the same."""
    kind: PostKind
    text: str
    author: str
    """As they call themselves."""
    role: Role
    taint: Taint
    reply_to: int | None = None
    """The post that it replies to."""
    links: tuple[Link, ...] = ()
    """The experiments that it is about: those named in its text, and others that its author named."""
    effect: float | None = None
    """On the score: what a hypothesis predicts, or what is said of the experiments that it links to."""
    queued: bool = False
    """Whether it is an idea that waits to be tried by whoever proposes in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retracted:
    """Somebody took a post back. It stays stored, and is told to nobody who did not ask for it."""

    post: int
    ticket: str
    author: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """Somebody works on a hypothesis, or does so no more."""

    post: int
    ticket: str
    author: str
    released: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Steered:
    """A person told the study what to do. The engine acts on it from now on."""

    ticket: str
    """Of the letter that it came in; empty for what the engine saw itself: a changed `program.md`."""
    author: str
    order: Order
    is_live: bool = True
    """Whether an engine was at work and took it in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionStarted:
    """An engine began to work on the study."""

    version: str
    workers: int
    sandbox: str
    budget: Budget = field(default_factory=Budget)
    """What it may spend of the epoch in all: the task's, or what the command line or an order said instead."""
    asked: Budget | None = None
    """The same before orders. `None`, in studies of old: there were none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionEnded:
    """It stopped on its own terms. A session that was killed has none."""

    reason: str


Fact = (
    EpochStarted
    | Submitted
    | Opened
    | Asked
    | Answered
    | Proposed
    | Rejected
    | Tried
    | Staged
    | Checked
    | CertificationOpened
    | Certified
    | Probed
    | EvaluatorChecked
    | AblationOpened
    | Ablated
    | Posted
    | Retracted
    | Claimed
    | Steered
    | SessionStarted
    | SessionEnded
)

FACTS: tuple[type[Fact], ...] = (
    EpochStarted,
    Submitted,
    Opened,
    Asked,
    Answered,
    Proposed,
    Rejected,
    Tried,
    Staged,
    Checked,
    CertificationOpened,
    Certified,
    Probed,
    EvaluatorChecked,
    AblationOpened,
    Ablated,
    Posted,
    Retracted,
    Claimed,
    Steered,
    SessionStarted,
    SessionEnded,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A fact as stored: its place in the order of things, and when it was written."""

    seq: int
    """Counts from 1 without gaps."""
    at: float
    """Seconds since 1970."""
    fact: Fact


Done = Tried | Checked | Probed
"""What comes of a job."""


def failed_job(job: Job, failed: Failed) -> Done:
    """The fact that a job failed for a reason of its own."""
    if isinstance(job, ProbeJob):
        return Probed(
            experiment=job.experiment,
            probe=job.probe,
            sandbox="",
            by_edit=False,
            ran=False,
            score=None,
            failure=failed.reason,
        )
    if isinstance(job, CheckJob):
        return Checked(
            experiment=job.experiment,
            check=job.check.name,
            passed=False,
            reason=failed.reason,
            output=failed.output,
        )
    trial = Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=failed)
    return Tried(experiment=job.experiment, trial=trial)
