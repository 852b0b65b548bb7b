"""`bench standstill`: what strategies find where edits have to be made together, and what merges are worth.

In a deceptive landscape two sites are worth much together and cost something alone, so that whoever keeps
only what is better never gets there. In the others good edits add up, or are different ways to the same end.
Deterministic for its settings, however many processes run it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from multiprocessing import get_context
from statistics import fmean, stdev

from move37.bench.landscape import PROPOSER, Land, Landscape, LandscapeStudy
from move37.core.errors import TaskError
from move37.core.protocols import Believer, Search
from move37.core.seeds import derive_seed
from move37.search import Lineage

DECEPTIVE = Land(good=4, harmful=6, inert=4, traps=1)
RUNS = 400
NOISES = (0.0, 0.5, 1.0)
STRATEGIES = ("greedy", "beam", "islands", "puct", "lineage, never widened", "lineage")
ADDITIVE = Land(good=20, harmful=40, inert=40)
RIVALS = replace(ADDITIVE, kinds=2)
MERGE_RUNS, MERGE_NOISES = 120, (0.0, 0.5)
AT_ONCE = (1, 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One strategy in deceptive landscapes with one level of noise."""

    search: str
    noise: float
    solved: float
    """Share of the studies whose recommended program has both sites of the trap."""
    gain: float
    """True score of the recommended program, as a share of the highest there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """`lineage` with and without merges, in the same studies."""

    world: str
    noise: float
    at_once: int
    without: float
    gain: float
    """True gain, in units of the mean good effect."""
    se: float
    """Of the difference, study by study."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StandstillResult:
    settings: Mapping[str, int]
    found: Sequence[Found]
    merged: Sequence[Merged]

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names. Over the levels of noise: the least of ours, the most of `greedy`."""
        of = {name: [f for f in self.found if f.search == name] for name in STRATEGIES}
        figures: dict[str, float] = {}
        for name, rows in of.items():
            pick = max if name == "greedy" else min
            figures[f"deceptive_solved_{_key(name)}"] = pick(row.solved for row in rows)
            figures[f"deceptive_gain_{_key(name)}"] = fmean(row.gain for row in rows)
        ours = figures["deceptive_gain_lineage"]
        figures["deceptive_gain_over_greedy"] = ours / figures["deceptive_gain_greedy"]
        figures["deceptive_gain_over_puct"] = ours / figures["deceptive_gain_puct"]
        for row in self.merged:
            name = f"merge_gain_ratio_{row.world}_{row.noise:g}_at_{row.at_once}"
            figures[name] = row.gain / row.without
        return figures

    def table(self) -> str:
        """For people."""
        studies = self.settings["studies"]
        lines = [
            f"two edits that pay only together: {studies} studies of {RUNS} experiments, solved (share of the best)",
            "",
            f"{'strategy':<24}" + "".join(f"{f'noise {noise:g}':>16}" for noise in NOISES),
        ]
        for name in STRATEGIES:
            rows = {row.noise: row for row in self.found if row.search == name}
            cells = (f"{rows[n].solved:>8.0%} ({rows[n].gain:.2f})" for n in sorted(rows))
            lines.append(f"{name:<24}" + "".join(f"{cell:>16}" for cell in cells))
        lines += [
            "",
            f"merges: {studies} studies of {MERGE_RUNS} experiments, true gain of `lineage`",
            "",
            f"{'good edits':<12}{'noise':>6}{'at once':>9}{'without':>9}{'with':>8}{'difference':>18}",
        ]
        lines += [
            f"{row.world:<12}{row.noise:>6g}{row.at_once:>9}{row.without:>9.2f}{row.gain:>8.2f}"
            f"{row.gain - row.without:>+10.2f} ± {1.96 * row.se:<.2f}"
            for row in self.merged
        ]
        return "\n".join(lines)


def standstill(*, studies: int, seed: int, workers: int = 1) -> StandstillResult:
    """Run the benchmark. workers: processes to compute with, which do not change the result.

    Raises `TaskError` when there is too little to average over.
    """
    if studies < 2:
        raise TaskError(f"standstill needs 2 studies or more, not {studies}")
    cells = [(name, noise) for name in STRATEGIES for noise in NOISES]
    pairs = [
        (world, noise, at_once)
        for world in ("additive", "rivals")
        for noise in MERGE_NOISES
        for at_once in AT_ONCE
    ]
    jobs: list[Callable[[], Sequence[float]]] = [
        partial(_search, name, noise, seed, study)
        for name, noise in cells
        for study in range(studies)
    ]
    jobs += [
        partial(_merge, world, noise, at_once, seed, study)
        for world, noise, at_once in pairs
        for study in range(studies)
    ]
    if workers == 1:
        answers = [job() for job in jobs]
    else:
        with get_context("spawn").Pool(workers) as pool:
            answers = pool.map(_call, jobs, chunksize=2)
    of = [answers[place : place + studies] for place in range(0, len(answers), studies)]
    return StandstillResult(
        settings={"studies": studies, "runs": RUNS, "merge_runs": MERGE_RUNS, "seed": seed},
        found=[
            Found(
                search=name,
                noise=noise,
                solved=fmean(solved for solved, _ in rows),
                gain=fmean(gain for _, gain in rows),
            )
            for (name, noise), rows in zip(cells, of, strict=False)
        ],
        merged=[
            Merged(
                world=world,
                noise=noise,
                at_once=at_once,
                without=fmean(without for without, _ in rows),
                gain=fmean(gain for _, gain in rows),
                se=stdev(gain - without for without, gain in rows) / sqrt(len(rows)),
            )
            for (world, noise, at_once), rows in zip(pairs, of[len(cells) :], strict=True)
        ],
    )


def _call(job: Callable[[], Sequence[float]]) -> Sequence[float]:
    return job()


def _search(name: str, noise: float, seed: int, study: int) -> tuple[float, float]:
    """Whether the trap was found, and the share of the best score."""
    landscape = Landscape(replace(DECEPTIVE, noise=noise), derive_seed(seed, "deceptive", study))
    searched = LandscapeStudy(landscape, _never_widened if "," in name else name)
    searched.explore(RUNS)
    program = searched.recommended()
    solved = all(trap <= program for trap in landscape.traps)
    return float(solved), landscape.value(program) / landscape.best


def _never_widened(believer: Believer) -> Search:
    return Lineage(believer, proposers=(PROPOSER,), wide=(0.0, 0.0, 0.0, 0.0))


def _merge(world: str, noise: float, at_once: int, seed: int, study: int) -> tuple[float, float]:
    """True gain without and with merges."""
    land = replace(ADDITIVE if world == "additive" else RIVALS, noise=noise)
    luck = derive_seed(seed, world, study)
    gains: list[float] = []
    for merges in (False, True):
        landscape = Landscape(land, luck)
        searched = LandscapeStudy(landscape, "lineage", merges=merges)
        searched.explore(MERGE_RUNS, at_once=at_once)
        gains.append(landscape.value(searched.recommended()))
    return gains[0], gains[1]


def _key(name: str) -> str:
    return name.replace(", ", "_").replace(" ", "_")
