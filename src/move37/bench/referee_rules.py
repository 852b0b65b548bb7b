"""The rules that `bench referee` puts beside ours: straight-line simulations of what is widely done.

Each may spend `runs` evaluations of changed programs, after `start` runs of the unchanged one, whose mean
every rule is given for its first score.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean, median, stdev

from move37.bench.referee_worlds import Ended, Program, World
from move37.referee.intervals import t_quantile

Rule = Callable[[World, int, int], Ended]
"""(world, runs, start) -> what it ends with after so many runs."""

RECENT = 20
"""So many scores count as recent."""


def keep_if_better(world: World, runs: int, start: int, *, margin: float = 0.0) -> Ended:
    """Keep an edit when its one run is better than that of the program it changed.

    margin: by how many standard deviations of the noise, which this rule is told.
    """
    kept, score, first = _begin(world, start)
    edge = margin * world.plant.noise
    for _ in range(runs):
        candidate = world.edit(kept)
        seen = world.run(candidate)
        if seen > score + edge:
            kept, score = candidate, seen
    return _end(world, kept, score - first)


def knows_the_truth(world: World, runs: int) -> float:
    """True gain of whoever sees which edits help: as many runs cannot find more."""
    kept = world.start
    for _ in range(runs):
        candidate = world.edit(kept)
        kept = candidate if candidate.value > kept.value else kept
    return kept.value


def best_over_mad(world: World, runs: int, start: int, *, confidence: float = 2.0) -> Ended:
    """Keep an edit when its gain exceeds `confidence` times the spread of the recent scores.

    The spread is their median absolute deviation from their median, of the last 20: the confidence
    score of several scripts that drive coding agents, which call 2 "likely real".
    """
    kept, score, first = _begin(world, start)
    recent = [first]
    for _ in range(runs):
        candidate = world.edit(kept)
        seen = world.run(candidate)
        recent = [*recent[1 - RECENT :], seen]
        if len(recent) >= 3 and seen - score > confidence * spread(recent):
            kept, score = candidate, seen
    return _end(world, kept, score - first)


def spread(scores: Sequence[float]) -> float:
    """Median absolute deviation from the median."""
    middle = median(scores)
    return median(abs(score - middle) for score in scores)


def win_then_confirm(world: World, runs: int, start: int) -> Ended:
    """Run an edit that looks better once more; keep it when the mean of both is better still."""
    kept, score, first = _begin(world, start)
    spent = 0
    while spent < runs:
        candidate = world.edit(kept)
        seen = world.run(candidate)
        spent += 1
        if seen > score and spent < runs:
            seen = (seen + world.run(candidate)) / 2
            spent += 1
            if seen > score:
                kept, score = candidate, seen
    return _end(world, kept, score - first)


def thresholdout(
    world: World, runs: int, start: int, *, threshold: float = 4.0, blur: float = 0.25
) -> Ended:
    """Keep-if-better on the answers of a reusable hold-out.

    Each run is split in two halves, a training and a hold-out one, with sqrt(2) times the noise. A query
    is answered with the training half where both agree within a noisy threshold, and else with the
    hold-out half and more noise, which uses up a budget of one per ten runs; when it is spent, nothing
    is kept any more. threshold, blur: in standard deviations of a half.

    Source: C. Dwork et al., "The reusable holdout", Science 349 (2015), algorithm Thresholdout.
    """
    kept, score, first = _begin(world, start)
    half = math.sqrt(2) * world.plant.noise
    luck, budget = world.random, max(1, runs // 10)
    limit = threshold * half + _laplace(world, 2 * blur * half)
    for _ in range(runs):
        candidate = world.edit(kept)
        seen, apart = world.run(candidate), luck.gauss(0.0, world.plant.noise)
        training, holdout = seen + apart, seen - apart
        answer = training
        if abs(training - holdout) > limit + _laplace(world, 4 * blur * half):
            budget -= 1
            answer = holdout + _laplace(world, blur * half)
            limit = threshold * half + _laplace(world, 2 * blur * half)
        if budget <= 0:
            break
        if answer > score:
            kept, score = candidate, answer
    return _end(world, kept, score - first)


def _laplace(world: World, scale: float) -> float:
    luck = world.random
    return scale * (luck.expovariate(1.0) - luck.expovariate(1.0))


def top_3_confirm(world: World, runs: int, start: int) -> Ended:
    """Keep-if-better for four fifths of the runs; then the three best and the start are run again.

    Recommends the best mean of the new runs, and claims it by a one-sided t-test at 5 %.
    """
    kept, score, _ = _begin(world, start)
    each = max(2, runs // 5 // 4)
    seen_so_far: list[tuple[float, Program]] = []
    for _ in range(runs - 4 * each):
        candidate = world.edit(kept)
        seen = world.run(candidate)
        seen_so_far.append((seen, candidate))
        if seen > score:
            kept, score = candidate, seen
    leaders = sorted(seen_so_far, key=lambda pair: (-pair[0], pair[1].id))[:3]
    again = {program: [world.run(program) for _ in range(each)] for _, program in leaders}
    old = [world.run(world.start) for _ in range(each)]
    best = max(again, key=lambda program: fmean(again[program]))
    gain = fmean(again[best]) - fmean(old)
    error = math.sqrt((stdev(again[best]) ** 2 + stdev(old) ** 2) / each)
    claim = gain > t_quantile(0.95, 2 * each - 2) * error
    if gain <= 0:
        return _end(world, world.start, 0.0)
    return Ended(gain=best.value, believed=gain, claim=claim, runs=world.runs)


def _begin(world: World, start: int) -> tuple[Program, float, float]:
    """The unchanged program and its score, twice: as the one kept, and as the first."""
    first = fmean(world.run(world.start) for _ in range(start))
    return world.start, first, first


def _end(world: World, kept: Program, believed: float) -> Ended:
    return Ended(gain=kept.value, believed=believed, claim=kept.id != 0, runs=world.runs)


RULES: Sequence[tuple[str, Rule]] = (
    ("keep_if_better", keep_if_better),
    ("best_over_mad", best_over_mad),
    ("gate_1_sigma", partial(keep_if_better, margin=1.0)),
    ("gate_2_sigma", partial(keep_if_better, margin=2.0)),
    ("win_then_confirm", win_then_confirm),
    ("thresholdout", thresholdout),
    ("top_3_confirm", top_3_confirm),
)
"""The listed rules, by name."""
