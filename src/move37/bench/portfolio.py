"""`bench portfolio`: what the choice of whose turn it is costs, where what each proposer brings is known.

Planted studies, the same luck for every rule. Regret is the share of true gain that is missing against the
proposer that would have been best alone, chosen with hindsight; below 0 where a mixture beats each alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from random import Random
from statistics import fmean, stdev

from move37.bench.portfolio_worlds import SCENES, ArmsStudy, Came, World
from move37.core.errors import TaskError
from move37.core.protocols import Believer, Search
from move37.core.seeds import derive_seed
from move37.search import Arm, Ledger, Lineage, Portfolio
from move37.search.bandit import PRIOR, Stake, best
from move37.search.portfolio import Rule, Table, by_belief

QUICK_SCENES = ("good and useless", "slow is not worth it")
_EPSILON = 0.1


def uniform(table: Table, random: Random) -> int:
    """What was done before: each as likely as the others."""
    return random.choice(table.free)


def epsilon_greedy(table: Table, random: Random) -> int:
    """The best mean rate so far, and one time in ten any."""
    if random.random() < _EPSILON:
        return uniform(table, random)
    means = [_mean(stake, table.stakes) for stake in table.stakes]
    return best([gain / cost for gain, _, cost in means], table.free, random)


def upper_bound(table: Table, random: Random) -> int:
    """UCB1 on discounted gains, in units of the mean gain, over cost."""
    means = [_mean(stake, table.stakes) for stake in table.stakes]
    all_of_them = sum(weight for _, weight, _ in means)
    usual = _usual(table.stakes)
    bounds = [
        (gain + usual * math.sqrt(2 * math.log(all_of_them + 2) / (weight + 1))) / cost
        for gain, weight, cost in means
    ]
    return best(bounds, table.free, random)


def _usual(stakes: Sequence[Stake]) -> float:
    weights = sum(weight for stake in stakes for weight, _ in stake.gains)
    gained = sum(weight * gain for stake in stakes for weight, gain in stake.gains)
    return gained / weights if weights > 0 else 0.0


def _mean(stake: Stake, stakes: Sequence[Stake]) -> tuple[float, float, float]:
    """Mean gain, with the same prior as the product's, weight and cost."""
    weights = sum(weight for weight, _ in stake.gains)
    gained = sum(weight * gain for weight, gain in stake.gains) + PRIOR * _usual(stakes)
    costs = [each.cost for each in stakes if each.cost is not None]
    usual_cost = fmean(costs) if costs else 1.0
    cost = usual_cost if stake.cost is None else stake.cost
    return gained / (weights + PRIOR), weights, max(cost, 1e-12)


RULES: Mapping[str, Rule] = {
    "portfolio": by_belief,
    "uniform": uniform,
    "epsilon_greedy": epsilon_greedy,
    "upper_bound": upper_bound,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleResult:
    """One rule in one kind of study. Gains are true ones, in units of the noise."""

    scene: str
    rule: str
    """Of a proposer alone `only 0`, `only 1` …"""
    gain: float
    gain_se: float
    shares: tuple[float, ...]
    """Of the seconds, by proposer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PortfolioResult:
    settings: Mapping[str, int]
    rows: Sequence[RuleResult]

    def best_alone(self, scene: str) -> float:
        return max(r.gain for r in self.rows if r.scene == scene and r.rule.startswith("only"))

    def regret(self, scene: str, rule: str) -> float:
        gain = next(r.gain for r in self.rows if (r.scene, r.rule) == (scene, rule))
        alone = self.best_alone(scene)
        return 1 - gain / alone if alone > 0 else 0.0

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        scenes = list(dict.fromkeys(row.scene for row in self.rows))
        figures = {
            f"regret_{rule}": fmean(self.regret(scene, rule) for scene in scenes) for rule in RULES
        }
        for scene in scenes:
            for rule in RULES:
                figures[f"regret_{rule}_{scene.replace(' ', '_')}"] = self.regret(scene, rule)
        return figures

    def table(self) -> str:
        """For people."""
        lines = [
            f"{self.settings['studies']} planted studies for each row; true gain in units of the noise of "
            "one run; regret against the best proposer alone",
        ]
        for scene in dict.fromkeys(row.scene for row in self.rows):
            lines += ["", f"{scene:<22} {'true gain':>15} {'regret':>8}   share of the seconds"]
            lines += [
                f"  {row.rule:<20} {row.gain:>7.2f} ± {1.96 * row.gain_se:<5.2f} "
                f"{self.regret(scene, row.rule):>8.0%}   "
                + " ".join(f"{share:.2f}" for share in row.shares)
                for row in self.rows
                if row.scene == scene
            ]
        return "\n".join(lines)


def portfolio(
    *, studies: int, seed: int, workers: int = 1, scenes: Sequence[str] = tuple(SCENES)
) -> PortfolioResult:
    """Run the benchmark. Raises `TaskError` when there is too little to average over.

    workers: processes to compute with, which do not change the result.
    """
    if studies < 2:
        raise TaskError(f"portfolio needs 2 studies or more, not {studies}")
    cells = [(scene, rule) for scene in scenes for rule in (*_alone(scene), *RULES)]
    jobs = [
        partial(_study, scene, rule, derive_seed(seed, scene, study))
        for scene, rule in cells
        for study in range(studies)
    ]
    if workers == 1:
        answers = [job() for job in jobs]
    else:
        with get_context("spawn").Pool(workers) as pool:
            answers = pool.map(_call, jobs, chunksize=4)
    rows = [
        _summarise(scene, rule, answers[place * studies : (place + 1) * studies])
        for place, (scene, rule) in enumerate(cells)
    ]
    return PortfolioResult(settings={"studies": studies, "seed": seed}, rows=rows)


def _alone(scene: str) -> list[str]:
    """Each proposer alone; of several that are alike, the first."""
    arms = SCENES[scene].arms
    return [f"only {place}" for place, arm in enumerate(arms) if arms.index(arm) == place]


def _call(job: Callable[[], Came]) -> Came:
    return job()


def _study(scene: str, rule: str, luck: int) -> Came:
    def make(believer: Believer, names: Sequence[str]) -> Search:
        alone = rule.startswith("only ")
        taken = [names[int(rule.removeprefix("only "))]] if alone else names
        own = Lineage(believer, proposers=taken)
        arms = [Arm("", name) for name in taken]
        return Portfolio(Ledger(believer), {"": own}, arms, rule=RULES.get(rule, uniform))

    return ArmsStudy(World(SCENES[scene], luck), make).explore()


def _summarise(scene: str, rule: str, came: Sequence[Came]) -> RuleResult:
    gains = [one.gain for one in came]
    return RuleResult(
        scene=scene,
        rule=rule,
        gain=fmean(gains),
        gain_se=stdev(gains) / math.sqrt(len(gains)),
        shares=tuple(map(fmean, zip(*(one.spent for one in came), strict=True))),
    )
