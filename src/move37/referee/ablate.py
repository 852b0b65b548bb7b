"""Which edits of a program matter: take each out, measure, and drop together those that do nothing.

Pure functions of the history: what to do next follows from the facts alone, so that an ablation that
was stopped anywhere goes on as if it had not been. The rules are in `docs/ablate.md`.
"""

import math
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from statistics import fmean

from move37.core.errors import StudyError
from move37.core.facts import Ablated, AblationOpened, Certified
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import EditEffect, Failed, Interval, Job, Measured, Metric
from move37.referee.certify import claim_level, least_pairs
from move37.referee.edits import Edit
from move37.referee.intervals import normal_quantile, t_quantile
from move37.referee.seeds import trial_job
from move37.referee.words import number, spell_interval

LEVEL = 0.9
"""Of the intervals by which edits are sorted. They claim nothing: the pruned program is certified."""
LEAST_PAIRS, MOST_PAIRS = 3, 12
USUAL_TRIALS = 150
OF_NOISE, OF_EFFECT, AT_LEAST = 1.0, 0.25, 0.01
"""A margin is one trial's noise, but within 1 % and a quarter of the program's effect."""
_ATTEMPTS = 3
"""So many programs are certified at the most: each spends alpha."""

_POWER = 0.9
_UNTRIED = "not tried"
_MOST_TO_CERTIFY = 60

Find = Callable[[Set[int]], int | None]
"""The experiment that is the program without these edits; the program's own where that is the same
but for layout and comments. `None`: nobody has tried it."""


@dataclass(frozen=True, slots=True)
class Try:
    """Open the program without these edits."""

    removed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Measure:
    """Run these trials."""

    jobs: Sequence[Job]


@dataclass(frozen=True, slots=True)
class Certify:
    """Certify that this experiment is not worse than the program."""

    experiment: int
    pairs: int
    """At the most: enough to show it of an equal program, by the noise that was seen."""


Action = Try | Measure | Certify | Ablated


def open_ablation(
    history: History,
    believer: Believer,
    metric: Metric,
    experiment: int,
    edits: int,
    trials: int | None = None,
) -> AblationOpened:
    """Plan an ablation. Raises `StudyError` where there is nothing to take out, or too few trials.

    trials: at most so many, without certification; unless given, enough for `MOST_PAIRS` of each of a
        dozen edits, and for `LEAST_PAIRS` of each of more.
    """
    one = history[experiment]
    if one.is_baseline or one.epoch != history.epoch.epoch:
        raise StudyError(f"x{experiment} changes nothing in the current task: nothing to take out")
    if not one.is_measured:
        raise StudyError(f"x{experiment} was not measured; choose one of `move37 list`")
    if edits < 1:
        raise StudyError(f"x{experiment} is the baseline but for layout and comments")
    if trials is not None and trials < 2 * LEAST_PAIRS:
        raise StudyError(f"{trials} trials show nothing; {2 * LEAST_PAIRS} is the least")
    return AblationOpened(
        ablation=len(history.ablations),
        experiment=experiment,
        edits=edits,
        first=one.count("search"),
        margin=margin_of(history, believer, metric, experiment),
        trials=_usual_trials(edits) if trials is None else trials,
    )


def _usual_trials(edits: int) -> int:
    return min(MOST_PAIRS * (edits + 1), max(USUAL_TRIALS, LEAST_PAIRS * (edits + 1)))


def audit_ablations(history: History) -> Iterator[str]:
    """What does not agree, a sentence each: a pruned program takes a champion's place by certificate."""
    for recorded in history.ablated.values():
        where = f"ablation {recorded.ablation} of x{recorded.experiment}"
        if recorded.ablation >= len(history.ablations):
            yield f"{where}: nobody began it"
            continue
        opened = history.ablations[recorded.ablation]
        if (opened.experiment, opened.edits) != (recorded.experiment, len(recorded.effects)):
            yield f"{where}: it is about other edits than were to be taken out"
        if recorded.pruned is not None:
            certified = _not_worse(history, opened, recorded.pruned)
            if certified is None or not certified.claim:
                yield f"{where}: x{recorded.pruned} was never certified not to be worse"


def margin_of(history: History, believer: Believer, metric: Metric, experiment: int) -> float:
    """What an edit may be worth and still count as doing nothing. On the score, above 0.

    `min_effect` where the task has one. Else the noise of one trial, but no more than a quarter
    of the program's effect over the baseline, so that three quarters of it are safe, and no less than
    a hundredth of it. The effect is the certified one where there is a claim, else the believed one.
    """
    if metric.min_effect > 0:
        return metric.min_effect
    certified = history.certificate_of(experiment)
    if certified is not None and certified.claim and certified.effect is not None:
        effect = certified.effect.effect
    else:
        believed = believer.difference(experiment, history.baseline.id)
        effect = 0.0 if believed is None else believed.mean
    noise = OF_NOISE * believer.noise
    scale = abs(fmean(history[experiment].scores()))
    if effect <= 0:
        return noise or 1e-9 * (scale or 1.0)
    return max(min(noise, OF_EFFECT * effect), AT_LEAST * effect)


def advance(
    history: History,
    believer: Believer,
    opened: AblationOpened,
    edits: Sequence[Edit],
    find: Find,
    but_tests: Set[int] = frozenset(),
) -> Action:
    """What to do next, until it is concluded.

    but_tests: the edits that leave nothing but test-like files when they are taken out; tried, too,
        for the cheat report. Empty: there are none, or nothing else.
    """
    screening = _Screening(history, believer, opened, edits, find)
    for edit in screening.affordable:
        if find({edit}) is None:
            return Try(frozenset({edit}))
    if but_tests:
        tests = find(but_tests)
        if tests is None:
            return Try(frozenset(but_tests))
        if jobs := _first_trials(history, tests):
            return Measure(jobs)
    if jobs := screening.wanted():
        return Measure(jobs)
    effects = screening.effects()
    return _prune(history, opened, effects, find, screening)


def _first_trials(history: History, experiment: int) -> list[Job]:
    """Those on the seeds that the baseline has had from the start."""
    one = history[experiment]
    had = {trial.index for trial in one.trials if trial.purpose == "search"}
    if _has_failed(history, experiment):
        return []
    return [trial_job(history, one, "search", i) for i in range(LEAST_PAIRS) if i not in had]


# --- one by one ----------------------------------------------------------------------------------


class _Screening:
    """The trials of a program and of its variants, on seeds that did not help to choose it."""

    def __init__(
        self,
        history: History,
        believer: Believer,
        opened: AblationOpened,
        edits: Sequence[Edit],
        find: Find,
    ) -> None:
        self._history = history
        self._opened = opened
        self._edits = edits
        self.least = 2 if believer.noise == 0 else LEAST_PAIRS
        affordable = opened.trials // self.least - 1
        self.affordable = range(min(len(edits), affordable))
        self._variants = [find({number}) for number in self.affordable]

    def wanted(self) -> Sequence[Job]:
        """The trials that are needed now: round after round, of those that are still unclear."""
        spent, unclear = 0, self._alive(self.affordable)
        for depth in range(1, MOST_PAIRS + 1):
            spent += 1 + len(unclear)
            if not unclear or spent > self._opened.trials:
                return []
            index = self._opened.first + depth - 1
            members = [self._opened.experiment, *(self._variant(each) for each in unclear)]
            if jobs := self.missing(dict.fromkeys(members), index):
                return jobs
            unclear = self._alive(unclear)
            if depth >= self.least:
                unclear = [each for each in unclear if self._is_unclear(each, depth)]
        return []

    def missing(self, members: "Sequence[int] | dict[int, None]", index: int) -> list[Job]:
        return [
            trial_job(self._history, self._history[member], "search", index)
            for member in members
            if not any(
                t.purpose == "search" and t.index == index for t in self._history[member].trials
            )
        ]

    def _variant(self, edit: int) -> int:
        variant = self._variants[edit]
        assert variant is not None, "every affordable variant has been opened"
        return variant

    def _alive(self, edits: Sequence[int]) -> Sequence[int]:
        """Those whose variants are programs of their own, and run."""
        return [
            edit
            for edit in edits
            if self._variant(edit) != self._opened.experiment and self._failure(edit) is None
        ]

    def _failure(self, edit: int) -> Failed | None:
        one = self._history[self._variant(edit)]
        if one.trials and not one.is_measured:
            return one.outcome if isinstance(one.outcome, Failed) else _GONE
        late = (
            trial.outcome
            for trial in one.trials
            if trial.purpose == "search" and trial.index >= self._opened.first
        )
        return next((outcome for outcome in late if isinstance(outcome, Failed)), None)

    def _is_unclear(self, edit: int, depth: int) -> bool:
        interval = self.interval(self._variant(edit), depth)
        return interval is None or interval.low <= -self._opened.margin <= interval.high

    def differences(self, experiment: int, depth: int = MOST_PAIRS) -> list[float]:
        """Scores less the program's, on equal fresh seeds."""
        first = self._opened.first
        mine, theirs = (
            {
                trial.index: trial.outcome.score
                for trial in self._history[each].trials
                if trial.purpose == "search"
                and first <= trial.index < first + depth
                and isinstance(trial.outcome, Measured)
            }
            for each in (experiment, self._opened.experiment)
        )
        both = sorted(mine.keys() & theirs.keys())
        # Rounded where a float ends, so that equal programs on equal seeds differ by nothing.
        return [
            0.0 if math.isclose(mine[i], theirs[i], rel_tol=1e-12) else mine[i] - theirs[i]
            for i in both
        ]

    def pairs_to_certify(self, pruned: int) -> int:
        """Twice what one look needs to show that an equal program is not worse, nine times in ten."""
        squares, freedom = self._scatter(pruned, MOST_PAIRS)
        spread = math.sqrt(squares / freedom) if freedom else 0.0
        level = claim_level(len(self._history.certifications))
        quantiles = normal_quantile((1 + level) / 2) + normal_quantile(_POWER)
        needed = 2 * math.ceil((quantiles * spread / self._opened.margin) ** 2)
        return max(least_pairs(level), min(needed, _MOST_TO_CERTIFY))

    def interval(self, experiment: int, depth: int = MOST_PAIRS) -> Interval | None:
        """Student's, with a variance that all variants share: three pairs alone say little of it."""
        differences = self.differences(experiment, depth)
        squares, freedom = self._scatter(experiment, depth)
        if not differences or not freedom:
            return None
        effect, pairs = fmean(differences), len(differences)
        error = math.sqrt(squares / freedom / pairs)
        half = t_quantile((1 + LEVEL) / 2, freedom) * error if error else 0.0
        return Interval(
            effect=effect, low=effect - half, high=effect + half, level=LEVEL, pairs=pairs
        )

    def _scatter(self, experiment: int, depth: int) -> tuple[float, int]:
        """Sum of squares of differences about their variant's mean, and its degrees of freedom."""
        squares, freedom = 0.0, 0
        others = {variant for variant in self._variants if variant is not None}
        for each in sorted({experiment, *others} - {self._opened.experiment}):
            values = self.differences(each, depth)
            if len(values) > 1:
                mean = fmean(values)
                rounding = 1e-12 * max(map(abs, values))
                gaps = (value - mean for value in values)
                squares += math.fsum(gap**2 for gap in gaps if abs(gap) > rounding)
                freedom += len(values) - 1
        return squares, freedom

    def effects(self) -> tuple[EditEffect, ...]:
        return tuple(self._effect(number) for number in range(len(self._edits)))

    def _effect(self, edit: int) -> EditEffect:
        margin = self._opened.margin
        if edit not in self.affordable:
            return self._told(edit, None, True, f"{_UNTRIED}: there were too few trials")
        variant = self._variant(edit)
        if variant == self._opened.experiment:
            return self._told(edit, None, False, "the same program without it, but for layout")
        if (failed := self._failure(edit)) is not None:
            return self._told(edit, None, True, f"it fails without it ({failed.reason})")
        interval = self.interval(variant)
        if interval is None:
            return self._told(edit, None, True, "its trials could not be compared")
        if interval.low > -margin:
            reason = f"taking it out costs less than {number(margin)}, at {LEVEL:.0%}"
        elif interval.high < -margin:
            reason = f"taking it out costs more than {number(margin)}, at {LEVEL:.0%}"
        elif interval.effect >= -margin / 2:
            reason = f"unclear, likely below {number(margin)}: dropped if certification agrees"
        else:
            reason = f"unclear, but likely to cost {number(-interval.effect)}"
        return self._told(
            edit, interval, interval.effect < -margin / 2 and interval.low <= -margin, reason
        )

    def _told(self, edit: int, effect: Interval | None, kept: bool, reason: str) -> EditEffect:
        one = self._edits[edit]
        return EditEffect(
            label=one.label,
            places=one.places,
            steps=one.steps,
            experiment=self._variants[edit] if edit in self.affordable else None,
            effect=effect,
            kept=kept,
            reason=reason,
        )


_GONE = Failed(stage="run", reason="it was not measured")


# --- together ------------------------------------------------------------------------------------


def _prune(
    history: History,
    opened: AblationOpened,
    effects: Sequence[EditEffect],
    find: Find,
    screening: _Screening,
) -> Action:
    """Drop what does nothing, all at once; where that is too much, the better half of it."""
    program, complaint = opened.experiment, ""
    for removed in _smaller_and_smaller(effects):
        pruned = find(removed)
        if pruned is None:
            return Try(removed)
        if pruned == program or history[pruned].is_baseline:
            complaint = "what is left would be " + (
                "the same" if pruned == program else "the baseline"
            )
            continue
        first = opened.first
        for index in range(first, first + screening.least):
            if not _has_failed(history, pruned) and (
                jobs := screening.missing((program, pruned), index)
            ):
                return Measure(jobs)
        measured = screening.interval(pruned)
        if _has_failed(history, pruned) or measured is None or measured.effect < -opened.margin:
            complaint = f"x{pruned}, which has none of them, is worse: they matter together"
            continue
        certified = _not_worse(history, opened, pruned)
        if certified is None:
            return Certify(pruned, screening.pairs_to_certify(pruned))
        if certified.claim:
            return _concluded(opened, effects, removed, pruned, certified)
        complaint = f"x{pruned} could not be certified: {certified.reason}"
        if certified.effect is not None and certified.effect.effect >= -opened.margin / 2:
            break  # not worse, as it seems, but there is too much noise to show it of any program
    return _concluded(opened, effects, frozenset(), None, None, complaint)


def _smaller_and_smaller(effects: Sequence[EditEffect]) -> Iterator[frozenset[int]]:
    droppable = [number for number, effect in enumerate(effects) if not effect.kept]

    def gain(number: int) -> tuple[float, int]:
        effect = effects[number].effect
        return (0.0 if effect is None else -effect.effect), number

    droppable.sort(key=gain)
    for _ in range(_ATTEMPTS):
        if not droppable:
            return
        yield frozenset(droppable)
        droppable = droppable[: len(droppable) // 2]


def _has_failed(history: History, experiment: int) -> bool:
    one = history[experiment]
    return one.rejected is not None or any(isinstance(t.outcome, Failed) for t in one.trials)


def _not_worse(history: History, opened: AblationOpened, pruned: int) -> Certified | None:
    """The certificate that answers whether the pruned program is as good."""
    for each, certified in sorted(history.certificates.items(), reverse=True):
        asked = history.certifications[each]
        if (asked.experiment, asked.baseline) == (pruned, opened.experiment) and (
            asked.margin is not None and asked.margin <= opened.margin
        ):
            return certified
    return None


def _concluded(
    opened: AblationOpened,
    effects: Sequence[EditEffect],
    removed: Set[int],
    pruned: int | None,
    certified: Certified | None,
    complaint: str = "",
) -> Ablated:
    told = tuple(
        effect if effect.kept or number in removed else _kept_after_all(effect)
        for number, effect in enumerate(effects)
    )
    untried = sum(effect.kept and effect.reason.startswith(_UNTRIED) for effect in told)
    matter = sum(effect.kept for effect in told) - untried
    reason = f"{matter} of {len(told)} edits of x{opened.experiment} matter"
    if untried:
        reason += f", {untried} not tried"
    if pruned is not None and certified is not None and certified.effect is not None:
        reason += (
            f"; x{pruned} lacks the others and is certified not worse by {number(opened.margin)} "
            f"or more: {spell_interval(certified.effect)}"
        )
    elif complaint:
        reason = f"none of {len(told)} edits of x{opened.experiment} was dropped: {complaint}"
    return Ablated(
        ablation=opened.ablation,
        experiment=opened.experiment,
        effects=told,
        pruned=pruned,
        reason=reason,
    )


def _kept_after_all(effect: EditEffect) -> EditEffect:
    return EditEffect(
        label=effect.label,
        places=effect.places,
        steps=effect.steps,
        experiment=effect.experiment,
        effect=effect.effect,
        kept=True,
        reason="seems to do nothing alone, but could not be dropped with the others",
    )
