"""`bench`: the benchmarks of our promises."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from move37.app.engine import Engine
from move37.app.settings import RunSettings
from move37.core.errors import TaskError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import Opened
from move37.report.results import BenchResult

if TYPE_CHECKING:
    from move37.app.canaries import Caught, Kind

BENCHES = {
    "overhead": "milliseconds and CPU of the engine for each experiment",
    "asking": "CPU of the engine for each proposal of a model, beside the model's own time",
    "planted": "true gain and false claims where the truth is known, beside other rules",
    "portfolio": "what choosing between proposers costs, where what each brings is known",
    "cascade": "what cheap stages and early stops keep of the gain, and what they cost",
    "parallel": "whether workers are ever idle, and what trials do to each other's timings",
    "standstill": "what is found where edits pay only together, and what merges are worth",
    "scale": "milliseconds of a choice and of belief, in studies of up to a million experiments",
    "scaling": "what more evaluations and more workers bring, with each search strategy",
    "tune": "what `tune` reaches without a search space, beside Optuna with one and twice the trials",
    "search": "our strategies beside each other, with the same proposer and budget",
    "peers": "other engines and ours, with the same model, tasks and budget; installs them",
    "policy": "what letting hopeless changes go gains, and whether what is expected comes",
    "referee": "whether what is claimed can be believed, in worlds that mislead and on real tables",
}


_FAR = 100
_PEERS = "MOVE37_PEERS"
"""Names the directory in which other engines are installed."""
_PEERS_TARGETS = {
    "noisy_gain_ratio": ">= 5",
    "noisy_gain_ratio_min": ">= 1.5",
    "noise_free_ratio": ">= 1.05",
    "noise_free_ratio_min": ">= 1",
    "optimism": "<= 0.2",
}
_REFEREE_TARGETS = {
    "null_claim_rate_100": "<= 0.05",
    "null_claim_rate_1000": "<= 0.05",
    "power_one_gain": ">= 0.95",
    "cost_ratio_one_gain": "<= 1.3",
    "gain_ratio_best_rule_small": ">= 1.5",
    "gain_ratio_best_rule_min": ">= 1.0",
    "coverage_90": "0.88 to 0.92",
    "drift_loss": "<= 0.1",
    "null_claim_rate_engine": "<= 0.05",
    "canaries_caught_scored": "1",
    "canaries_caught_self_reported": "1",
    "tabular_bias": "within 0.002 of 0",
    "tabular_wrong_claims": "<= 0.1",
    "tabular_gain_ratio": ">= 2",
}


def benches() -> dict[str, str]:
    """The benchmarks by name, and what each measures."""
    return dict(BENCHES)


def bench(name: str, *, quick: bool = False, out: Path | None = None) -> BenchResult:
    """Run one of our own benchmarks; `quick` finishes within a minute.

    out: where its picture goes, if it has one. Raises `TaskError` for a name that is none of `benches()`.
    """
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    match name:
        case "overhead":
            return _overhead(quick, out)
        case "asking":
            return _asking(quick)
        case "planted":
            return _planted(quick, out)
        case "portfolio":
            return _portfolio(quick)
        case "cascade":
            return _cascade(quick, out)
        case "standstill":
            return _standstill(quick)
        case "scale":
            return _scale(quick)
        case "parallel":
            return _parallel(quick)
        case "scaling":
            return _scaling(quick, out)
        case "tune":
            return _tune(quick)
        case "search":
            return _search(quick, out)
        case "peers":
            return _peers(quick, out)
        case "policy":
            return _policy(quick)
        case "referee":
            return _referee(quick, out)
        case _:
            raise TaskError(f"there is no benchmark {name!r}; choose {' or '.join(BENCHES)}")


class _Result(Protocol):
    """What came of a benchmark, as all of them say it."""

    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def figures(self) -> Mapping[str, float]: ...
    def table(self) -> str: ...


def _told(
    name: str, result: _Result, targets: Mapping[str, str], files: tuple[Path, ...] = ()
) -> BenchResult:
    return BenchResult(
        bench=name,
        settings=result.settings,
        figures=result.figures,
        table=result.table(),
        targets=targets,
        files=files,
    )


def _overhead(quick: bool, out: Path | None) -> BenchResult:
    from move37.bench.overhead import draw, overhead

    sizes = (10, 1000) if quick else (10, 1000, 10_000)
    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        result = overhead(open_engine, Path(directory), sizes=sizes, window=100 if quick else 300)
    if out is not None:
        draw(result, out / "overhead.png")
    return _told(
        "overhead",
        result,
        {"engine_ms": "<= 15", "engine_ms_growth": "<= 1.2", "engine_mb": "<= 150"},
        () if out is None else (out / "overhead.png",),
    )


def _asking(quick: bool) -> BenchResult:
    from move37.app.library import StudyLibrary
    from move37.bench.asking import asking

    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        result = asking(StudyLibrary, Path(directory), experiments=1000 if quick else 5000)
    return _told("asking", result, {"asking_ms": "<= 20"})


def _planted(quick: bool, out: Path | None) -> BenchResult:
    from move37.bench.planted import draw, planted
    from move37.bench.planted_noise import LENGTHS, QUICK_LENGTHS, draw_noise

    workers = len(os.sched_getaffinity(0))
    result = planted(
        studies=40 if quick else 200,
        runs=150,
        seed=0,
        workers=workers,
        lengths=QUICK_LENGTHS if quick else LENGTHS,
    )
    if out is not None:
        draw(result, out / "planted.png")
        draw_noise(result.points, out / "planted_noise.png")
    return _told(
        "planted",
        result,
        {
            "gain_ratio_small": ">= 2.5",
            "gain_ratio_medium": ">= 1.5",
            "worse_than_start": "<= 0.02",
            "null_claim_rate": "<= 0.05",
            "repeat_vs_never_min": ">= 1",
            "repeat_vs_always_min": ">= 1",
        },
        () if out is None else (out / "planted.png", out / "planted_noise.png"),
    )


def _referee(quick: bool, out: Path | None) -> BenchResult:
    from move37.app.canaries import canaries
    from move37.bench.referee import FULL, QUICK, referee
    from move37.bench.referee_engine import engine_nulls
    from move37.bench.referee_text import table
    from move37.bench.tabular_result import QUICK_TABLES, tabular

    workers = len(os.sched_getaffinity(0))
    result = referee(size=QUICK if quick else FULL, seed=0, workers=workers)
    replayed, missing = None, ""
    try:
        replayed = tabular(
            splits=2 if quick else 12,
            seed=0,
            workers=workers,
            names=QUICK_TABLES if quick else (),
        )
    except TaskError as error:  # without scikit-learn its figures are left out
        missing = str(error)
    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        studies, experiments = (2, 10) if quick else (20, 30)
        engine = engine_nulls(
            _claims, Path(directory), studies=studies, experiments=experiments, seed=0
        )
        caught = canaries(Path(directory) / "canaries")
    files = () if out is None else (out / "referee.png",)
    for file in files:
        from move37.bench.referee_picture import draw

        draw(result, file)
    return BenchResult(
        bench="referee",
        settings=result.settings,
        figures={
            **result.figures,
            **({} if replayed is None else replayed.figures),
            "null_claim_rate_engine": engine.rate,
            "canaries_caught_scored": caught["scored"].rate,
            "canaries_caught_self_reported": caught["self-reported"].rate_but_false_metrics,
        },
        table="\n".join([table(result, replayed, engine, missing), "", *_canaries(caught)]),
        targets=_REFEREE_TARGETS,
        files=files,
    )


def _canaries(caught: "Mapping[Kind, Caught]") -> Iterator[str]:
    """What became of cheats that were tried for real, for people."""
    for kind, found in caught.items():
        believed = [name for name, is_caught in found.by_name.items() if not is_caught]
        yield (
            f"canary cheats, {kind} evaluation: {found.rate:.0%} of {len(found.by_name)} caught"
            + (f"; believed: {', '.join(believed)}" if believed else "")
        )


def _claims(root: Path, seed: int) -> bool:
    """Run the task there to its end; whether any claim was made."""
    from move37.app.measuring import run
    from move37.app.study import read_study

    run(root, RunSettings(seed=seed, check=False))
    with read_study(root) as study:
        return any(certified.claim for certified in study.history.certificates.values())


def _portfolio(quick: bool) -> BenchResult:
    from move37.bench.portfolio import QUICK_SCENES, portfolio
    from move37.bench.portfolio_worlds import SCENES

    workers = len(os.sched_getaffinity(0))
    scenes = QUICK_SCENES if quick else tuple(SCENES)
    result = portfolio(studies=8 if quick else 60, seed=0, workers=workers, scenes=scenes)
    return _told(
        "portfolio",
        result,
        {"regret_portfolio": "<= 0.3", "regret_portfolio_good_and_useless": "<= 0.3"},
    )


def _cascade(quick: bool, out: Path | None) -> BenchResult:
    from move37.bench.cascade import cascade, draw

    workers = len(os.sched_getaffinity(0))
    studies, budget = (12, 100) if quick else (40, 150)
    result = cascade(
        studies=studies, budget=budget, experiments=60 if quick else 150, seed=0, workers=workers
    )
    if out is not None:
        draw(result, out / "cascade.png")
    return _told(
        "cascade",
        result,
        {
            "cascade_gain_kept": ">= 0.98",
            "cascade_cost": "<= 0.5",
            "earlystop_gain_kept": ">= 0.98",
            "earlystop_cost": "<= 0.5",
        },
        () if out is None else (out / "cascade.png",),
    )


def _standstill(quick: bool) -> BenchResult:
    from move37.bench.standstill import standstill

    workers = len(os.sched_getaffinity(0))
    result = standstill(studies=6 if quick else 40, seed=0, workers=workers)
    return _told(
        "standstill",
        result,
        {
            "deceptive_solved_lineage": ">= 0.8",
            "deceptive_solved_greedy": "<= 0.2",
            "deceptive_gain_over_greedy": "> 1",
            "deceptive_gain_over_puct": "> 1",
        },
    )


def _scale(quick: bool) -> BenchResult:
    from move37.bench.scale import scale

    sizes = (1_000, 10_000) if quick else (10_000, 1_000_000)
    searches = ("lineage", "puct", "islands", "beam") if quick else ("lineage",)
    result = scale(sizes=sizes, searches=searches)
    return _told(
        "scale",
        result,
        {
            "choose_and_update_ms_lineage_10000": "<= 1",
            "choose_and_update_ms_lineage_1000000": "<= 3",
        },
    )


def _parallel(quick: bool) -> BenchResult:
    from move37.bench.parallel import parallel
    from move37.runners.cores import core_sets

    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        result = parallel(
            _open_study,
            _open_study,
            Path(directory),
            experiments=64,
            walls=1 if quick else 3,
            studies=1 if quick else 4,
            simulated=300 if quick else 1000,
            sets=len(core_sets(1)),
            rounds=5 if quick else 40,
        )
    return _told(
        "parallel",
        result,
        {
            "parallel_wall_ratio": "<= 1.15",
            "utilisation_16": ">= 0.95",
            "utilisation_16_asking": ">= 0.95",
        },
    )


def _scaling(quick: bool, out: Path | None) -> BenchResult:
    from move37.bench.scaling import draw, scaling

    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        result = scaling(
            _open_seeded,
            Path(directory),
            studies=2 if quick else 16,
            checkpoints=(12, 25, 50) if quick else (25, 50, 100, 200),
            real_studies=2 if quick else 4,
            real_checkpoints=(10, 20) if quick else (25, 50, 100),
            workers=len(os.sched_getaffinity(0)),
        )
    files = () if out is None else (out / "scaling.png",)
    for file in files:
        draw(result, file)
    return _told("scaling", result, {}, files)


def _open_seeded(
    directory: Path, experiments: int, workers: int, seed: int, watch: Callable[[Event], None]
) -> AbstractContextManager[Engine]:
    settings = RunSettings(experiments=experiments, workers=workers, seed=seed, certify=False)
    return Engine(directory, settings, watch=watch, stop=Stop())


def _open_study(
    directory: Path, experiments: int, workers: int, watch: Callable[[Event], None]
) -> AbstractContextManager[Engine]:
    """An engine that spends its budget and claims nothing."""
    settings = RunSettings(experiments=experiments, workers=workers, certify=False)
    return Engine(directory, settings, watch=watch, stop=Stop())


def _tune(quick: bool) -> BenchResult:
    from move37.bench.tune_optuna import tune_beside_optuna
    from move37.gallery import install

    evaluations = {"tabular": 25} if quick else {"tabular": 40, "bpb": 24}
    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        result = tune_beside_optuna(
            _tuned,
            install,
            Path(directory),
            evaluations=evaluations,
            repetitions=1 if quick else 3,
            fresh=8 if quick else 16,
            seed=0,
        )
    return _told("tune", result, {"tune_gain_ratio_min": ">= 0.95"})


def _policy(quick: bool) -> BenchResult:
    from move37.bench.policy import policy
    from move37.gallery import install
    from move37.tasks.toml import load_task

    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        result = policy(
            install,
            load_task,
            Path(directory),
            studies=8 if quick else 60,
            runs=100 if quick else 150,
            real_studies=0 if quick else 8,
            real_runs=60,
            seed=0,
            workers=len(os.sched_getaffinity(0)),
        )
    return _told("policy", result, {"policy_gain_ratio_min": ">= 1 (else it stays off)"})


def _tuned(root: Path, experiments: int, seed: int) -> str:
    """The champion of a study of so many experiments with `tune` alone: its one editable file."""
    from move37.app.measuring import run
    from move37.app.study import read_study

    settings = RunSettings(
        experiments=experiments, seed=seed, check=False, certify=False, workers=1, proposer="tune"
    )
    run(root, settings)
    with read_study(root) as study:
        champion = study.program(None)
        assert champion.commit is not None
        path = study.task.files.edit[0]
        return study.store.code.read(champion.commit, path).decode()


def _search(quick: bool, out: Path | None) -> BenchResult:
    from move37.bench.search_bench import QUICK_TASKS, draw, search
    from move37.bench.search_tasks import TASKS

    result = search(
        tasks=QUICK_TASKS if quick else tuple(TASKS),
        seeds=3 if quick else 10,
        evaluations=150 if quick else 400,
        workers=len(os.sched_getaffinity(0)),
    )
    if out is not None:
        draw(result, out / "search.png")
    return _told("search", result, {}, () if out is None else (out / "search.png",))


def _peers(quick: bool, out: Path | None) -> BenchResult:
    """With `out`, what has been run is kept there in `peers.jsonl`, and a later call goes on from it."""
    from move37.bench.peers import QUICK, Plan, peers
    from move37.bench.peers_result import PeersResult, draw

    plan = QUICK if quick else Plan()
    cache = Path(os.environ.get(_PEERS) or Path.home() / ".cache" / "move37" / "peers")
    with tempfile.TemporaryDirectory(prefix="move37-bench-") as directory:
        kept = (out or Path(directory)) / "peers.jsonl"
        runs = peers(plan, cache=cache.absolute(), kept=kept, tell=_tell)
    result = PeersResult(settings=plan.settings(), runs=runs)
    if out is not None:
        draw(result, out / "peers.png")
    return _told("peers", result, _PEERS_TARGETS, () if out is None else (out / "peers.png",))


def _tell(line: str) -> None:
    """It takes hours: who waits sees how far it is."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def open_engine(
    directory: Path, experiments: int, watch: Callable[[Event], None]
) -> AbstractContextManager[Engine]:
    """An engine with one worker that stops at so many experiments, far from the end of its budget.

    Near its end, search repeats trials; what is timed here is what an experiment costs.
    """
    stop = Stop()

    def counted(event: Event) -> None:
        watch(event)
        opened = event.fact if isinstance(event, Recorded) else None
        if isinstance(opened, Opened) and opened.experiment >= experiments and not stop.soft:
            stop.request()

    settings = RunSettings(experiments=_FAR * (experiments + 1), workers=1, certify=False)
    return Engine(directory, settings, watch=counted, stop=stop)
