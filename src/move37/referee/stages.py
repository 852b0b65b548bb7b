"""The cascade: which experiments go on from a cheap stage to the next, and in the end to a full trial.

Pure functions of the facts. What a stage's score is worth is learned from the experiments that have
both; nothing goes on for its raw score. `docs/cascade.md` has the rule in words and its figures.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import erfc, exp, pi, sqrt
from random import Random
from statistics import fmean, pstdev

from move37.core.facts import EpochStarted, Fact, Staged, Tried
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import (
    MOST_STAGES,
    EvaluationStage,
    Failed,
    Measured,
    Screened,
    Task,
    Trial,
    TrialJob,
)
from move37.core.seeds import derive_seed
from move37.referee.seeds import search_trial, trial_job
from move37.referee.words import percent

LEARN = 8
"""So many experiments go on, whatever their score, before a stage is believed at all."""
RECENT = 60
"""An experiment is compared with so many of the latest that had the stage."""
ANYWAY = 0.05
"""Share of the experiments that goes on by lot, so that what a stage is worth stays known."""
BASELINE_REPEATS = 3
"""Stage trials of the baseline: what its noise is learned from first."""
_CORRELATION = 0.7
_CORRELATION_SD = 0.35
"""What is thought of the correlation of a stage with the full evaluation, before any is seen."""
_LEAST_UNEXPLAINED = 0.1
"""Of the variance of true effects, however good a stage looks."""
_USUAL_COST = 0.1
"""Of a stage, in full trials, where the task does not tell."""


def stage_task(task: Task, trial: TrialJob) -> Task:
    """The task as a stage measures it: its own command, clock and metric; limits come later."""
    if trial.purpose != "stage":
        return task
    stage = task.evaluate.stages[trial.index % MOST_STAGES]
    evaluate = replace(
        task.evaluate, run=stage.run, score=stage.score, timeout_seconds=stage.timeout_seconds
    )
    return replace(task, evaluate=evaluate, metric=stage.metric or task.metric, limits=())


def named(task: Task, fact: Tried) -> Tried:
    """The fact of a trial that ended: a failure in a stage says in which."""
    trial = fact.trial
    if trial.purpose != "stage" or not isinstance(trial.outcome, Failed):
        return fact
    name = task.evaluate.stages[trial.index % MOST_STAGES].name
    failed = replace(trial.outcome, reason=f"in stage {name}, {trial.outcome.reason}")
    return replace(fact, trial=replace(trial, outcome=failed))


def next_trial(history: History, one: Experiment, stages: Sequence[EvaluationStage]) -> TrialJob:
    """What a program that exists is to be measured with next: a stage, or the evaluation itself."""
    if one.is_baseline or one.stages_passed >= len(stages) or one.count("search"):
        return search_trial(history, one)
    return trial_job(history, one, "stage", one.stages_passed)


def missing_stage_trials(baseline: Experiment, stages: Sequence[EvaluationStage]) -> Sequence[int]:
    """Indexes of the baseline's stage trials that have not ended."""
    ended = {trial.index for trial in baseline.trials if trial.purpose == "stage"}
    wanted = range(0, BASELINE_REPEATS * MOST_STAGES, MOST_STAGES)
    return [
        repeat + stage
        for repeat in wanted
        for stage in range(len(stages))
        if repeat + stage not in ended
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What a stage's score says of the full one: `effect ~ N(intercept + slope x, sd^2)`, where `x`
    is what the edit is believed to have done to the stage's score, and `effect` to the full one."""

    intercept: float
    slope: float
    sd: float
    correlation: float
    pairs: int

    def mean(self, x: float) -> float:
        return self.intercept + self.slope * x

    def improvement(self, x: float, gap: float) -> float:
        """Expected gain over the champion, which the parent is behind by `gap`."""
        z = (self.mean(x) - gap) / self.sd
        return self.sd * max(0.0, _density(z) + z * _below(z))

    def chance(self, x: float, gap: float) -> float:
        """That it beats the champion."""
        return _below((self.mean(x) - gap) / self.sd)


def outlook(
    pairs: Sequence[tuple[float, float]], spread_x: float, spread: float, noise: float
) -> Outlook:
    """Learn it from `(x, measured effect)` of the experiments that went on.

    spread_x: standard deviation of `x` over all that had the stage; spread: of true effects.
    Least squares on the standardised `x` with a normal prior on the slope, that is on the
    correlation (Bishop, Pattern Recognition and Machine Learning, 2006, eq. 3.53); experiments that
    were let go are missing because of their `x` alone, which does no harm to a regression on `x`.
    """
    mean_x, mean_y = fmean(x for x, _ in pairs), fmean(y for _, y in pairs)
    scale = spread / spread_x
    variance = spread**2 + noise**2
    information, evidence = 1 / _CORRELATION_SD**2, _CORRELATION / _CORRELATION_SD**2
    for x, y in pairs:
        u = scale * (x - mean_x)
        information += u * u / variance
        evidence += u * (y - mean_y) / variance
    correlation = min(max(evidence / information, 0.0), 1.0)
    slope = correlation * scale
    unexplained = max(_LEAST_UNEXPLAINED, 1 - correlation**2)
    return Outlook(
        intercept=mean_y - slope * mean_x,
        slope=slope,
        sd=spread * sqrt(unexplained),
        correlation=correlation,
        pairs=len(pairs),
    )


def pays(improvements: Sequence[float], cost: float) -> float:
    """The least expected gain that is worth a full trial.

    improvements: of comparable experiments after their stage; cost: of a stage, in full trials.
    Gain per cost is greatest when exactly those go on whose gain exceeds the rate itself times the
    cost of going on (optimal stopping at the best rate, Charnov 1976; Dinkelbach 1967).
    """
    best = gained = 0.0
    spent = cost * len(improvements)
    for improvement in sorted(improvements, reverse=True):
        gained, spent = gained + improvement, spent + 1.0
        best = max(best, gained / spent)
    return best


class Cascade:
    """Decides after each stage. A fold: it notes which experiments had which stage."""

    def __init__(
        self,
        task: Task,
        believer: Believer,
        stages: Sequence[Believer],
        *,
        spread: Callable[[], float],
        always: Sequence[str] = (),
    ) -> None:
        """
        always: proposers whose experiments go on whatever a stage says: a person wants to know.
        stages: a believer for the scores of each stage.
        spread: standard deviation of what one edit does to the true full score.
        """
        self._task = task
        self._believer = believer
        self._stages = stages
        self._spread = spread
        self._always = frozenset(always)
        self._seen: list[deque[int]] = []
        self._promoted: list[deque[int]] = []
        self._forget()

    def _forget(self) -> None:
        self._seen = [deque(maxlen=RECENT) for _ in self._stages]
        self._promoted = [deque(maxlen=4 * RECENT) for _ in self._stages]

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._forget()
            case Tried(experiment=experiment, trial=Trial(purpose="stage", index=index)):
                if index < len(self._seen) and isinstance(fact.trial.outcome, Measured):
                    self._seen[index].append(experiment)
            case Staged(experiment=experiment, stage=stage, screened=None):
                if stage < len(self._promoted):
                    self._promoted[stage].append(experiment)
            case _:
                pass

    def decide(self, history: History, one: Experiment) -> Staged | None:
        """Whether it goes on from the stage that it has had. `None`: there is nothing to decide."""
        stage = one.stages_passed
        if one.is_baseline or stage >= len(self._stages) or not one.is_running:
            return None
        if not any(t.purpose == "stage" and t.index == stage for t in one.trials):
            return None
        reason, screened = self._judge(history, one, stage)
        return Staged(experiment=one.id, stage=stage, screened=screened, reason=reason)

    def _judge(self, history: History, one: Experiment, stage: int) -> tuple[str, Screened | None]:
        if one.proposer in self._always:
            return f"it was asked for by name ({one.proposer})", None
        learned = self.outlook(history, stage)
        x, champion = self._step(history, one.id, stage), self._champion(history)
        if learned is None or x is None or champion is None:
            return "what the stage is worth is not known yet", None
        if Random(derive_seed(one.seed, "stage", stage)).random() < ANYWAY:
            return "by lot, so that what the stage is worth stays known", None
        gap = self._gap(one, champion)
        mine = learned.improvement(x, gap)
        # What others did to the stage's score, as if they had been made on the same parent now.
        others = [learned.improvement(x, gap) for _, x in self._recent(history, stage)]
        keep = self._task.evaluate.stages[stage].keep
        rank = sum(other > mine for other in others)
        if rank < keep * len(others):
            return f"it is among the best {percent(keep)} of the stage", None
        if mine >= pays(others, stage_cost(self._task, stage)):
            return "it may still matter: the stage says too little against it", None
        return "", self._screened(stage, learned, x, gap, champion, rank / len(others))

    def _screened(
        self,
        stage: int,
        learned: Outlook,
        x: float,
        gap: float,
        champion: float,
        better: float,
    ) -> Screened:
        """better: share of the latest experiments that did better in the stage."""
        name = self._task.evaluate.stages[stage].name
        chance = learned.chance(x, gap)
        reason = (
            f"stage {name} let it go: {better:.0%} of the latest did better there, and its chance to "
            f"beat the champion is {chance:.1%} (of edits there and in full the correlation is "
            f"{learned.correlation:.2f}, from {learned.pairs})"
        )
        return Screened(
            by="stage",
            reason=reason,
            predicted=champion - gap + learned.mean(x),
            predicted_sd=learned.sd,
            chance=chance,
        )

    def outlook(self, history: History, stage: int) -> Outlook | None:
        """What a stage is worth by now; `None` before enough is known."""
        pairs = [
            (x, effect)
            for promoted in self._promoted[stage]
            if (effect := self._effect(history[promoted])) is not None
            and (x := self._step(history, promoted, stage)) is not None
        ]
        steps = [x for _, x in self._recent(history, stage)]
        spread = self._spread()
        if len(pairs) < LEARN or spread <= 0 or (spread_x := pstdev(steps)) <= 0:
            return None
        return outlook(pairs, spread_x, spread, self._believer.noise)

    def _recent(self, history: History, stage: int) -> list[tuple[Experiment, float]]:
        found = [(history[id], self._step(history, id, stage)) for id in self._seen[stage]]
        return [(one, x) for one, x in found if x is not None]

    def _step(self, history: History, experiment: int, stage: int) -> float | None:
        """What its edit is believed to have done to the stage's score."""
        one = history[experiment]
        if one.is_baseline:
            return None
        found = self._stages[stage].difference(experiment, one.parents[0])
        return None if found is None else found.mean

    def _effect(self, one: Experiment) -> float | None:
        """What its edit did to the full score, as measured."""
        parent = self._believer.belief(one.parents[0])
        scores = one.scores("search")
        return fmean(scores) - parent.mean if scores and parent else None

    def _champion(self, history: History) -> float | None:
        best = self._believer.ranking(1)
        belief = self._believer.belief(best[0]) if best else None
        return None if belief is None else belief.mean

    def _gap(self, one: Experiment, champion: float) -> float:
        parent = self._believer.belief(one.parents[0])
        return 0.0 if parent is None else champion - parent.mean


def stage_cost(task: Task, stage: int) -> float:
    """Of a stage, in full trials: the ratio of their timeouts.

    Never of measured seconds, so that the same facts give the same choice on any machine.
    """
    ratio = task.evaluate.stages[stage].timeout_seconds / task.evaluate.timeout_seconds
    return ratio if ratio < 1 else _USUAL_COST


def _density(z: float) -> float:
    return exp(-z * z / 2) / sqrt(2 * pi)


def _below(z: float) -> float:
    return 0.5 * erfc(-z / sqrt(2))
