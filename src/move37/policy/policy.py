"""What the policy expects of a change before it is run: a fold over the facts.

Learns from what each change did to its parent's score, by what the change is like. It decides nothing:
see `gate.py`. `proposers/tune` has a model of its own, of the values of single sites, which picks
its moves; this one weighs the finished changes of all proposers alike. `docs/policy.md` has both.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import erfc, exp, log2, sqrt
from statistics import fmean

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Rejected, Staged, Tried
from move37.core.protocols import Believer
from move37.core.records import Failed, Guess, Measured, Trial
from move37.policy.regression import Features, Predicted, Regression, Row, normalised

WEIGHTS: Mapping[str, float] = {
    "all": 0.5,
    "move": 0.4,
    "who": 0.3,
    "node": 0.4,
    "starts": 0.3,
    "file": 0.2,
    "name": 0.6,
    "word": 0.4,
    "at": 0.6,
    "way": 1.0,
    "go": 0.6,
    "step": 0.3,
    "size": 0.3,
    "parent": 0.3,
    "predicted": 0.7,
    "surely": 0.3,
}
"""How far each type of trait, at its usual amount of 1, may move an effect, relative to the others."""
CONTEXT = frozenset({"all", "move", "who", "node", "starts", "file", "name", "word", "at", "size"})
"""Types that the prior knows: which kind of change, where, and whose, but not which way it goes."""
SHARED = frozenset(
    {"all", "move", "who", "node", "starts", "name", "word", "go", "step", "size", "predicted"}
)
"""Types that mean the same in another study."""
_MOST_PREDICTED = 3.0
_LATELY, _FEW = 24, 4
"""The size of effects is that of so many of the latest, once there are a few."""
_TOLD = 64
"""So many of the latest are kept, for other studies."""
_USUALLY_HELPS, _USUALLY_FAILS = 0.25, 0.1
_SPREAD_OF_CHANCES = 0.3
_LUCK_OF_CHANCES = 0.15
"""Standard deviation of whether a change helps or fails, around what its traits say of it."""
_EDGE = 0.05
"""Chances below this, and above 1 less this, come ever closer to 0 and 1, and never there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What one change of another study did: its traits, without names, and its effect."""

    study: int
    """Lessons of one study have a number in common, which is not 0."""
    features: Features
    effect: float | None
    """In units of its study's size of effects then. `None`: the program could not be measured."""
    variance: float = 0.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A change that is not measured yet."""

    features: Features
    scale: float
    """The size of effects when it was proposed."""
    parent_mean: float
    parent_sd: float
    lead: float | None
    """Of its parent over the baseline, as believed then."""


class Policy:
    """The prior and the value, kept up to date fact by fact; the believer is told every fact before it is.

    The same facts give the same state, and the same guesses. Engine time per fact does not grow.
    """

    def __init__(
        self,
        believer: Believer,
        *,
        lessons: Iterable[Lesson] = (),
        hide: Callable[[str], str] | None = None,
    ) -> None:
        """
        lessons: of other studies, under hidden names.
        hide: what a trait is called in them; `None`: there are none, and none will be told.
        """
        self._believer = believer
        self._lessons = tuple(lessons)
        self._hide = hide
        self._start(0)

    def _start(self, baseline: int) -> None:
        self._baseline = baseline
        self._opened: dict[int, tuple[int, str]] = {}
        self._waiting: dict[int, _Waiting] = {}
        self.outcomes = 0
        """How many changes have shown what they do."""
        self.told: list[tuple[Features, float | None, float]] = []
        """Of the latest: traits, effect (`None`: it failed) and the variance of what was seen, in units
        of the size of effects then."""
        self._lately: deque[tuple[float, float]] = deque(maxlen=_LATELY)
        self._usual: float | None = None
        """The size of the latest effects, once it has been asked for."""
        self._effects = Regression()
        self._fails = Regression(centre=_USUALLY_FAILS, scale=_SPREAD_OF_CHANCES)
        self._helps = Regression(centre=_USUALLY_HELPS, scale=_SPREAD_OF_CHANCES)
        for lesson in self._lessons:
            self._learn(lesson.features, lesson.effect, lesson.variance, lesson.study)

    @property
    def scale(self) -> float:
        """The size of an effect: of the latest, the furthest ones cut off. They shrink as a study goes on.

        Before a few were seen, twice the noise of a trial; 0 while nothing is known.
        """
        guessed = 2 * self._believer.noise
        if len(self._lately) < _FEW:
            return guessed or max((abs(effect) for effect, _ in self._lately), default=0.0)
        if self._usual is None:  # asked several times between two outcomes
            self._usual = self._size_of_effects()
        return self._usual

    def _size_of_effects(self) -> float:
        sizes = sorted(abs(effect) for effect, _ in self._lately)
        most = 3 * sizes[(3 * len(sizes)) // 4] or sizes[-1]
        seen = fmean(min(size, most) ** 2 for size in sizes)
        noise = fmean(variance for _, variance in self._lately)
        return sqrt(max(seen - noise, 0.04 * seen))

    @property
    def explained(self) -> float:
        """Which share of the variance of effects traits are believed to explain, 0 to 1."""
        return self._effects.share

    # --- taking facts ------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._start(baseline)
            case Opened(experiment=experiment, parents=parents, proposer=proposer):
                self._opened[experiment] = (parents[0], proposer)
            case Proposed(experiment=experiment):
                parent, _ = self._opened.get(experiment, (self._baseline, ""))
                belief = self._believer.belief(parent)
                if belief is not None:
                    lead = self._believer.difference(parent, self._baseline)
                    self._waiting[experiment] = _Waiting(
                        self._features(fact),
                        self.scale,
                        belief.mean,
                        belief.sd,
                        None if lead is None else lead.mean,
                    )
                self._opened.pop(experiment, None)
            case Tried(experiment=experiment, trial=trial):
                if trial.purpose == "search" or isinstance(trial.outcome, Failed):
                    waiting = self._waiting.pop(experiment, None)
                    if waiting is not None:
                        self._see(waiting, trial)
            case Rejected(experiment=experiment):
                self._opened.pop(experiment, None)
            case Staged(experiment=experiment, screened=screened) if screened is not None:
                self._waiting.pop(experiment, None)
            case _:
                pass

    def _see(self, waiting: _Waiting, trial: Trial) -> None:
        match trial.outcome:
            case Failed():
                self._take(waiting, None, 0.0)
            case Measured(score=score):
                effect = score - waiting.parent_mean
                if trial.reference is not None and waiting.lead is not None:
                    # it was measured beside the baseline: what both have in common is taken off
                    effect = score - trial.reference - waiting.lead
                variance = self._believer.noise**2 + waiting.parent_sd**2
                self._take(waiting, effect, variance)
            case _:
                pass  # let go halfway: what it would have done was not seen

    def _take(self, waiting: _Waiting, effect: float | None, variance: float) -> None:
        self.outcomes += 1
        if effect is not None:
            self._lately.append((effect, variance))
            self._usual = None
            unit = waiting.scale or self.scale
            if not unit:
                return  # nothing has moved the score yet
            effect, variance = effect / unit, variance / unit**2
        self.told.append((waiting.features, effect, variance))
        del self.told[:-_TOLD]
        self._learn(waiting.features, effect, variance, 0)

    def _learn(self, features: Features, effect: float | None, variance: float, study: int) -> None:
        value, context = self._as_value(features, study), self._as_context(features, study)
        luck = _LUCK_OF_CHANCES**2
        self._fails.add(Row(value, float(effect is None), luck, study))
        if effect is None:
            self._helps.add(Row(context, 0.0, luck, study))
            return
        self._effects.add(Row(value, effect, variance, study))
        self._helps.add(Row(context, _positive(effect, sqrt(variance)), luck, study))

    # --- guessing ----------------------------------------------------------------------------------

    def guess(self, proposed: Proposed) -> Guess | None:
        """What to expect of a change, before the fact of it is told. `None` before there is a scale."""
        features = self._features(proposed)
        value = self._as_value(features, 0)
        scale, effect = self.scale, self._effects.predict(value)
        fails = self._fails.predict(value)
        helps = self._helps.predict(self._as_context(features, 0))
        if not scale or fails is None or helps is None:
            return None
        effect = effect or Predicted(0.0, 1.0)
        return Guess(
            prior=_chance(helps.mean),
            mean=effect.mean * scale,
            sd=effect.sd * scale,
            fails=_chance(fails.mean),
            learned_from=self.outcomes,
            scale=scale,
        )

    def _features(self, proposed: Proposed) -> Features:
        """All traits of a change with their amounts, not yet weighted."""
        _, proposer = self._opened.get(proposed.experiment, (self._baseline, ""))
        found: dict[str, float] = {
            "all:": 1.0,
            f"move:{proposed.move}": 1.0,
            f"who:{proposer}": 1.0,
        }
        found |= dict.fromkeys(proposed.traits, 1.0)
        if not any(trait.startswith("size:") for trait in found) and proposed.size is not None:
            found[f"size:{round(log2(1 + proposed.size))}"] = 1.0
        scale = self.scale
        if proposed.predicted_effect is not None and scale:
            amount = proposed.predicted_effect / scale
            found[f"predicted:{proposer}"] = min(max(amount, -_MOST_PREDICTED), _MOST_PREDICTED)
        if proposed.prior is not None:
            found[f"surely:{proposer}"] = proposed.prior
        return found

    def _as_value(self, features: Features, study: int) -> Features:
        return self._weighted(features, study, frozenset(WEIGHTS))

    def _as_context(self, features: Features, study: int) -> Features:
        return self._weighted(features, study, CONTEXT)

    def _weighted(self, features: Features, study: int, types: frozenset[str]) -> Features:
        """Of length 1. Traits that other studies know have the names that they know them by."""
        weighted: dict[str, float] = {}
        for trait, amount in features.items():
            type_ = trait.partition(":")[0]
            if type_ not in types or type_ not in WEIGHTS:
                continue
            name = trait
            if study == 0 and self._hide is not None and type_ in SHARED:
                name = self._hide(trait)
            weighted[name] = amount * WEIGHTS[type_]
        return normalised(weighted)


def _positive(effect: float, sd: float) -> float:
    """How likely a true effect is above 0 that was seen as `effect` with this error."""
    if sd <= 0:
        return float(effect > 0)
    return 0.5 * erfc(-effect / sd / sqrt(2))


def _chance(raw: float) -> float:
    """A chance from what a regression says of it: in its order, and never 0 or 1."""
    if raw < _EDGE:
        return _EDGE * exp((raw - _EDGE) / _EDGE)
    return raw if raw <= 1 - _EDGE else 1 - _chance(1 - raw)
