"""Move 37s: experiments that nobody would have bet on, and that are certified to be among the best.

A pure function of the history: what was expected is told by the fact of each proposal, recorded before
anything of it was run. Nothing here is called certified that no certificate claims.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from move37.core.facts import Certified
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Belief, Guess
from move37.report.words import clean, measured, percent

RARE = 0.05
"""The lowest share of priors, and the highest of effects."""
INFORMED = 20
"""A prior counts once so many changes had shown what they do: before, it is the same for nearly all."""
LEAST = 40
"""Nothing is marked in a study with fewer priors that count: the lowest 5 % are two of them then, and
something has to be the lowest of any twenty."""
_SURE = 2.0
"""An effect counts as one from so many of its standard deviations on."""
_FAR = 2.5
"""What was believed to come of it is so many standard deviations above what was expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surprise:
    """One experiment that turned out better than anybody expected. Effects are positive where better."""

    experiment: int
    hypothesis: str
    proposer: str
    prior: float
    prior_rank: float
    """Share of the study's proposals whose prior was as low or lower."""
    expected: float
    expected_sd: float
    """Of its effect on its parent, before it was run."""
    effect: float
    effect_sd: float
    """On its parent, as believed now."""
    effect_rank: float | None
    """Share of the measured experiments whose effect is believed to be as large or larger. `None`: not
    looked at."""
    certified_effect: float | None
    certified_interval: tuple[float, float] | None
    against: int | None
    """What it was certified against: the baseline, or its parent. `None`: it is not certified."""
    told: str
    """What was expected and what came, in a sentence."""


def move37s(history: History, beliefs: Believer) -> Sequence[Surprise]:
    """Of the current epoch, the largest effect first.

    Its prior was among the lowest 5 %, it is certified to be better, and the effect of its own change is among
    the highest 5 %. A certificate against the baseline is about all changes on the way from there, so that
    of this one is as believed, from the fresh trials too; a certificate against its parent is about this one.
    """
    claimed = _claims(history)
    if not claimed:
        return ()
    ranked = _ranked(history)
    if len(ranked) < LEAST:
        return ()
    priors = _sorted_priors(ranked)
    low = [one for one in ranked if one.id in claimed and _prior_rank(one, priors) <= RARE]
    if not low:
        return ()
    measured_ones = (_effect(one, beliefs) for one in ranked if one.is_measured)
    effects = sorted(effect.mean for effect in measured_ones if effect is not None)
    found: list[Surprise] = []
    for one in low:
        effect = _effect(one, beliefs)
        if effect is None or effect.mean <= _SURE * effect.sd or effect.mean <= 0:
            continue
        rank = (len(effects) - bisect_left(effects, effect.mean)) / len(effects)
        if rank <= RARE:
            certified = claimed[one.id]
            found.append(_surprise(one, effect, _prior_rank(one, priors), rank, certified))
    return sorted(found, key=lambda each: -each.effect)


def surprises(history: History, beliefs: Believer, *, limit: int = 3) -> Sequence[Surprise]:
    """The experiments of the current epoch that are believed to be furthest above what was expected of
    them, the furthest first. Belief is no claim."""
    ranked = _ranked(history)
    if len(ranked) < LEAST:
        return ()
    claimed, priors = _claims(history), _sorted_priors(ranked)
    far: list[tuple[float, Surprise]] = []
    for one in ranked:
        effect = _effect(one, beliefs) if one.is_measured else None
        if effect is None or effect.mean <= _SURE * effect.sd or effect.mean <= 0:
            continue
        guess = _guess(one)
        spread = sqrt(guess.sd**2 + effect.sd**2)
        distance = (effect.mean - guess.mean) / spread if spread else 0.0
        if distance > _FAR:
            rank = _prior_rank(one, priors)
            far.append((distance, _surprise(one, effect, rank, None, claimed.get(one.id))))
    far.sort(key=lambda each: -each[0])
    return [each for _, each in far[:limit]]


def expected(guess: Guess) -> str:
    """A guess in words."""
    fails = f", {percent(guess.fails)} likely to fail" if guess.fails >= 0.2 else ""
    known = f"from {guess.learned_from} changes before it" if guess.learned_from else "from nothing"
    return (
        f"{measured(guess.mean, guess.sd, sign=True)} on its parent{fails}; "
        f"prior {percent(guess.prior)}, {known}"
    )


def _claims(history: History) -> dict[int, Certified]:
    """By experiment of the current epoch, what claims that it is better; rather than its parent, if there is
    such a certificate. One that was certified again is as its latest certificate says."""
    latest: dict[tuple[int, int], Certified] = {}
    for _, certified in sorted(history.certificates.items()):
        if certified.kind == "better":
            latest[certified.experiment, certified.baseline] = certified
    found: dict[int, Certified] = {}
    for (experiment, against), certified in latest.items():
        one = history[experiment]
        if one.epoch != history.epoch.epoch or not certified.claim or not one.parents:
            continue
        if against == one.parents[0] or (
            against == history.epoch.baseline and experiment not in found
        ):
            found[experiment] = certified
    return found


def _ranked(history: History) -> Sequence[Experiment]:
    """The proposals of the current epoch whose priors count, what came of them or not."""
    return [
        one
        for one in history.current()
        if one.guess is not None and one.guess.learned_from >= INFORMED
    ]


def _guess(one: Experiment) -> Guess:
    assert one.guess is not None, "only experiments with a guess are ranked"
    return one.guess


def _sorted_priors(ranked: Sequence[Experiment]) -> Sequence[float]:
    return sorted(_guess(one).prior for one in ranked)


def _prior_rank(one: Experiment, priors: Sequence[float]) -> float:
    """priors: sorted."""
    return bisect_right(priors, _guess(one).prior) / len(priors)


def _effect(one: Experiment, beliefs: Believer) -> Belief | None:
    """Of its own change: on its first parent."""
    return beliefs.difference(one.id, one.parents[0]) if one.parents else None


def _surprise(
    one: Experiment,
    effect: Belief,
    prior_rank: float,
    effect_rank: float | None,
    certified: Certified | None,
) -> Surprise:
    guess = _guess(one)
    interval = None if certified is None else certified.effect
    return Surprise(
        experiment=one.id,
        hypothesis=one.hypothesis,
        proposer=one.proposer,
        prior=guess.prior,
        prior_rank=prior_rank,
        expected=guess.mean,
        expected_sd=guess.sd,
        effect=effect.mean,
        effect_sd=effect.sd,
        effect_rank=effect_rank,
        certified_effect=None if interval is None else interval.effect,
        certified_interval=None if interval is None else (interval.low, interval.high),
        against=None if certified is None else certified.baseline,
        told=" ".join(_told(one, guess, effect, prior_rank, certified)),
    )


def _told(
    one: Experiment, guess: Guess, effect: Belief, prior_rank: float, certified: Certified | None
) -> Iterator[str]:
    was = measured(guess.mean, guess.sd, sign=True)
    now = measured(effect.mean, effect.sd, sign=True)
    yield (
        f"before it was run its prior was {percent(guess.prior)}, as low as that of "
        f"{percent(prior_rank)} of all proposals, and {was} was expected of it;"
    )
    if certified is None or certified.effect is None:
        yield f"it is believed to have done {now} to x{one.parents[0]}, which no certificate says yet"
        return
    fresh = (
        f"{certified.effect.effect:+.4g}, {certified.effect.low:.4g} to {certified.effect.high:.4g}"
    )
    if certified.baseline == one.parents[0]:
        yield f"it is certified to be better than x{certified.baseline} by {fresh}"
        return
    yield (
        f"the program is certified to be better than x{certified.baseline} by {fresh}, of which "
        f"{now} is believed to be this change's own"
    )


def surprises_text(moves: Sequence[Surprise], others: Sequence[Surprise]) -> str:
    """What `move37 report` says first; empty when there is nothing to say."""
    lines = [
        f"\u2736 move 37: x{each.experiment} \u00b7 {clean(each.hypothesis)}\n  {each.told}"
        for each in moves
    ]
    known = {each.experiment for each in moves}
    rest = [each for each in others if each.experiment not in known]
    if rest:
        lines.append("believed, not certified: further above what was expected than any other")
        lines += [
            f"x{each.experiment} \u00b7 {clean(each.hypothesis)}\n  {each.told}" for each in rest
        ]
    return "\n".join(lines)
