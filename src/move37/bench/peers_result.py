"""What `bench peers` found: figures, a table and a picture, as functions of the runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from move37.bench.peers import PeerRun
from move37.bench.peers_engines import OURS
from move37.bench.search_bench import draw_gains, quartiles
from move37.bench.search_tasks import TASKS

_DRAWS = 2000
MOST_RATIO = 99.0
"""A ratio to a peer that gained nothing is this."""
DESIGN_TASK, EXACT_TASK = "rastrigin", "rastrigin_exact"


@dataclass(frozen=True, kw_only=True, slots=True)
class PeersResult:
    """All runs of a plan, those in trouble among them."""

    settings: Mapping[str, Any]
    runs: Sequence[PeerRun]

    def rows(self) -> Mapping[tuple[str, str], Sequence[PeerRun]]:
        """Runs with a recommendation, by task and engine."""
        rows: dict[tuple[str, str], list[PeerRun]] = {}
        for run in self.runs:
            found = rows.setdefault((run.task, run.engine), [])
            if not run.trouble:
                found.append(run)
        return {key: found for key, found in rows.items() if found}

    def best_peer(self, task: str) -> tuple[str, float] | None:
        """The peer with the highest median gain, and that gain."""
        rows = self.rows()
        gains = {
            engine: _middle(found, lambda run: run.gain)
            for (of, engine), found in rows.items()
            if of == task and engine != OURS
        }
        return max(gains.items(), key=lambda item: item[1]) if gains else None

    def ratio(self, task: str) -> float | None:
        """Our median gain over the best peer's."""
        ours, best = self.rows().get((task, OURS)), self.best_peer(task)
        if ours is None or best is None:
            return None
        return _over(_middle(ours, lambda run: run.gain), best[1])

    def interval(self, task: str) -> tuple[float, float] | None:
        """Of that ratio, 90 %, the seeds of both drawn again and again (the best peer stays who it is)."""
        best = self.best_peer(task)
        if best is None or self.ratio(task) is None:
            return None
        rows, chance = self.rows(), Random(0)
        sides = [[run.gain for run in rows[task, engine]] for engine in (OURS, best[0])]
        drawn = sorted(
            _over(*(median(chance.choices(side, k=len(side))) for side in sides))
            for _ in range(_DRAWS)
        )
        return drawn[_DRAWS // 20], drawn[-_DRAWS // 20]

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names. A ratio is left out where one side has no runs."""
        rows = self.rows()
        figures: dict[str, float] = {}
        ratios = {task: ratio for task in TASKS if (ratio := self.ratio(task)) is not None}
        noisy = {task: ratio for task, ratio in ratios.items() if TASKS[task].is_noisy}
        exact = {task: ratio for task, ratio in ratios.items() if not TASKS[task].is_noisy}
        if DESIGN_TASK in ratios:
            figures["noisy_gain_ratio"] = ratios[DESIGN_TASK]
        if EXACT_TASK in ratios:
            figures["noise_free_ratio"] = ratios[EXACT_TASK]
        if noisy:
            figures["noisy_gain_ratio_min"] = min(noisy.values())
        if exact:
            figures["noise_free_ratio_min"] = min(exact.values())
        figures |= {f"gain_ratio_{task}": ratio for task, ratio in ratios.items()}
        wrong = [
            optimism(run)
            for (task, engine), found in rows.items()
            if engine == OURS and TASKS[task].is_noisy
            for run in found
        ]
        if wrong:
            figures["optimism"] = median(wrong)
        for (task, engine), found in rows.items():
            figures[f"gain_{task}_{engine}"] = _middle(found, lambda run: run.gain)
            figures[f"optimism_{task}_{engine}"] = median(optimism(run) for run in found)
        figures["trouble"] = sum(bool(run.trouble) for run in self.runs)
        return figures

    def table(self) -> str:
        """For people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield "true gain over the start of what each engine recommends, and what it says itself: medians over seeds"
        yield ""
        yield (
            f"{'task':<17}{'engine':<22}{'seeds':>5}{'true gain':>11}{'quartiles':>18}{'it says':>9}"
            f"{'off by':>8}{'evaluations':>12}{'wall s':>8}{'CPU s':>7}{'MB':>5}"
        )
        for (task, engine), found in self.rows().items():
            gains = [run.gain for run in found]
            low, high = quartiles(gains)
            off = median(optimism(run) for run in found)
            yield (
                f"{task:<17}{engine:<22}{len(found):>5}{median(gains):>11.4f}{low:>10.4f}{high:>8.4f}"
                f"{_middle(found, lambda run: run.reported):>9.4f}{min(off, 99):>8.0%}"
                f"{_middle(found, lambda run: run.evaluations):>12.0f}"
                f"{_middle(found, lambda run: run.wall_seconds):>8.0f}"
                f"{_middle(found, lambda run: run.cpu_seconds):>7.0f}"
                f"{_middle(found, lambda run: run.peak_mb):>5.0f}"
            )
        yield ""
        for task in TASKS:
            ratio, best, interval = self.ratio(task), self.best_peer(task), self.interval(task)
            if ratio is not None and best is not None and interval is not None:
                yield (
                    f"{task}: {ratio:.2f} times the best peer's gain ({best[0]}, {best[1]:.4f}), "
                    f"90 % interval {interval[0]:.2f} to {interval[1]:.2f}"
                )
        for engine, trouble in sorted({(r.engine, r.trouble) for r in self.runs if r.trouble}):
            yield f"{engine}: {trouble}"


def _over(gain: float, peer: float) -> float:
    if peer <= 0:
        return MOST_RATIO if gain > 0 else 1.0
    return min(MOST_RATIO, gain / peer)


def optimism(run: PeerRun) -> float:
    """`|what the engine says - what is true|` over the true gain; without a gain, over nothing, it is 1."""
    return abs(run.reported - run.gain) / run.gain if run.gain > 0 else 1.0


def _middle(runs: Sequence[PeerRun], of: Callable[[PeerRun], float]) -> float:
    return median(of(run) for run in runs)


def draw(result: PeersResult, path: Path) -> None:
    """Write it: true gain by task and engine."""
    gains = {key: [run.gain for run in found] for key, found in result.rows().items()}
    draw_gains(gains, path, first=OURS)
