"""`bench peers`: orders are written as each engine reads them, results are read as each engine writes them."""

import json
import os
import select
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from move37.app import benches
from move37.bench.peers import PeerRun, Plan, peers, read_runs, run_one
from move37.bench.peers_engines import ENGINES, OURS, Engine, Order, Recommended
from move37.bench.peers_install import NotInstalled, Package, install
from move37.bench.peers_result import MOST_RATIO, PeersResult, draw, optimism
from move37.bench.search_tasks import TASKS

TASK = TASKS["rastrigin"]


def order(directory: Path) -> Order:
    return Order(
        task=TASK, seed=3, evaluations=40, url="http://127.0.0.1:1/v1", directory=directory
    )


def run_of(engine: str, gain: float, *, task: str = "rastrigin", reported: float = 0.1) -> PeerRun:
    return PeerRun(
        engine=engine, task=task, seed=0, asked=40, gain=gain, reported=reported, evaluations=40
    )


def result(*runs: PeerRun) -> PeersResult:
    return PeersResult(settings={}, runs=runs)


def test_it_is_one_of_our_benchmarks() -> None:
    assert {"search", "peers"} <= benches().keys()


@pytest.mark.parametrize("name", ENGINES)
def test_an_order_holds_the_program_the_evaluator_and_the_model(name: str, tmp_path: Path) -> None:
    command = ENGINES[name].prepare(order(tmp_path), Path("/the/command"))
    assert command[0] == "/the/command"
    written = "\n".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert TASK.program in written
    assert "def evaluate(" in written
    assert "http://127.0.0.1:1/v1" in written + " ".join(command)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != OURS])
def test_a_peer_is_told_to_spend_as_many_evaluations_as_we_do(name: str, tmp_path: Path) -> None:
    command = ENGINES[name].prepare(order(tmp_path), Path("/c"))
    told = command[command.index("--num_generations" if name == "shinkaevolve" else "-i") + 1]
    # Shinka counts the program that it starts from; for the others it comes on top.
    assert int(told) == (40 if name == "shinkaevolve" else 39)


def test_what_openevolve_and_skydiscover_recommend_is_read(tmp_path: Path) -> None:
    best = tmp_path / "out" / "best"
    best.mkdir(parents=True)
    (best / "best_program.py").write_text("x0 = 1")
    (best / "best_program_info.json").write_text('{"metrics": {"combined_score": 0.5}}')
    for name in ("openevolve", "skydiscover-topk", "skydiscover-adaevolve"):
        assert ENGINES[name].recommended(order(tmp_path)) == Recommended("x0 = 1", 0.5)


def test_what_shinka_recommends_is_read(tmp_path: Path) -> None:
    best = tmp_path / "out" / "best"
    (best / "results").mkdir(parents=True)
    (best / "main.py").write_text("x0 = 1")
    (best / "results" / "metrics.json").write_text('{"combined_score": 0.5}')
    assert ENGINES["shinkaevolve"].recommended(order(tmp_path)) == Recommended("x0 = 1", 0.5)


def test_what_we_recommend_is_read_with_all_trials(tmp_path: Path) -> None:
    for name in ("out", "task"):
        (tmp_path / name).mkdir()
    (tmp_path / "task" / "program.py").write_text("x0 = 1")
    (tmp_path / "out" / "best.json").write_text('{"summary": {"believed": {"value": 0.5}}}')
    (tmp_path / "out" / "list.json").write_text('{"rows": [{"trials": 5}, {"trials": 1}]}')
    assert ENGINES[OURS].recommended(order(tmp_path)) == Recommended("x0 = 1", 0.5, 6)


def scripted(code: str) -> Engine:
    """An engine that is a line of Python."""

    def prepare(order: Order, command: Path) -> Sequence[str]:
        order.out.mkdir()
        return [str(command), "-c", code]

    def recommended(order: Order) -> Recommended:
        return Recommended((order.out / "program").read_text(), 0.2)

    return Engine(
        name="peer", package=ENGINES["openevolve"].package, prepare=prepare, recommended=recommended
    )


def test_a_peer_that_crashes_is_reported_with_its_last_words() -> None:
    run = run_one(scripted("raise SystemExit('no money')"), TASK, 0, 40, Path(sys.executable))
    assert "no money" in run.trouble
    assert "peer: exit 1: no money" in result(run_of(OURS, 0.1), run).table()
    assert result(run_of(OURS, 0.1), run).figures["trouble"] == 1


def test_a_peer_that_ends_well_without_a_word_is_in_trouble_too() -> None:
    run = run_one(scripted("print('done')"), TASK, 0, 40, Path(sys.executable))
    assert "no recommendation" in run.trouble
    assert "done" in run.trouble


def test_a_directory_that_cannot_be_made_is_said() -> None:
    with pytest.raises(NotInstalled, match="no room for other engines"):
        install(Package("peer", "1.0", "peer-run"), Path("/dev/null/cache"))


def test_a_recommendation_is_judged_by_the_truth_and_evaluations_are_counted() -> None:
    program = TASK.program.replace("x8 = 3.5700", "x8 = 3.0000")
    code = f"open('out/program', 'w').write({program!r}); open('tally', 'w').write('...')"
    run = run_one(scripted(code), TASK, 0, 40, Path(sys.executable))
    assert run.gain == pytest.approx(TASK.truth(program) - TASK.truth(TASK.program))
    assert run.gain > 0
    assert run.evaluations == 3
    assert run.cpu_seconds > 0
    assert run.peak_mb > 1


def test_what_a_peer_leaves_running_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import subprocess; child = subprocess.Popen(['sleep', '60']);"
        f"open({str(mark)!r}, 'w').write(str(child.pid))"
    )
    run_one(scripted(code), TASK, 0, 40, Path(sys.executable))
    try:
        child = os.pidfd_open(int(mark.read_text()))
    except ProcessLookupError:
        return
    assert select.select([child], [], [], 30)[0], "it still runs"
    os.close(child)


def test_a_package_that_cannot_be_installed_is_reported_and_not_hidden(tmp_path: Path) -> None:
    half = tmp_path / "cache" / "peer" / "bin"
    half.mkdir(parents=True)
    package = Package("peer", "1.0", "peer-run")
    record = (
        tmp_path / "cache" / "peer" / "lib" / "python3" / "site-packages" / "peer-1.0.dist-info"
    )
    record.mkdir(parents=True)
    (record / "RECORD").write_text("")
    with pytest.raises(NotInstalled, match="brings no command 'peer-run'"):
        install(package, tmp_path / "cache")
    (half / "peer-run").write_text("")
    assert install(package, tmp_path / "cache") == half / "peer-run"


def test_what_was_run_is_not_run_again(tmp_path: Path) -> None:
    kept = tmp_path / "peers.jsonl"
    run = run_of("openevolve", 0.01)
    kept.write_text(json.dumps(asdict(run)) + '\n[1]\n{"a": 1}\n{"engine": "cut o')
    assert read_runs(kept, 40) == [run]
    assert read_runs(kept, 400) == []
    plan = Plan(tasks=("rastrigin",), engines=(), seeds=1, evaluations=40)
    assert peers(plan, cache=tmp_path, kept=kept) == []


def test_the_ratio_is_to_the_best_peer() -> None:
    found = result(
        run_of(OURS, 0.1, reported=0.12), run_of("openevolve", 0.02), run_of("shinkaevolve", 0.05)
    )
    assert found.figures["noisy_gain_ratio"] == pytest.approx(2.0)
    assert found.figures["optimism"] == pytest.approx(0.2)
    assert "noise_free_ratio" not in found.figures
    assert "2.00 times the best peer's gain (shinkaevolve" in found.table()


def test_a_ratio_comes_with_an_interval() -> None:
    ours = [run_of(OURS, gain) for gain in (0.08, 0.1, 0.12, 0.1)]
    found = result(*ours, *(run_of("openevolve", gain) for gain in (0.04, 0.05, 0.06)))
    low, high = found.interval("rastrigin") or (0.0, 0.0)
    assert 1.2 < low < 2.0 < high < 3.1
    assert result(*ours).interval("rastrigin") is None


def test_a_peer_without_gain_makes_no_endless_ratio() -> None:
    assert result(run_of(OURS, 0.1), run_of("openevolve", -0.1)).ratio("rastrigin") == MOST_RATIO
    assert result(run_of(OURS, 0.0), run_of("openevolve", -0.1)).ratio("rastrigin") == 1.0
    assert result(run_of(OURS, 0.1)).ratio("rastrigin") is None
    assert optimism(run_of(OURS, -0.1)) == 1.0


def test_it_draws_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(result(run_of(OURS, 0.1), run_of("openevolve", 0.02)), tmp_path / "peers.png")
    assert (tmp_path / "peers.png").stat().st_size > 1000


@pytest.mark.slow
def test_our_own_engine_works_on_a_task_as_a_user_drives_it(tmp_path: Path) -> None:
    """The real engine, model server, sandbox and commands."""
    plan = Plan(tasks=("rastrigin",), engines=(OURS,), seeds=1, evaluations=14)
    (run,) = peers(plan, cache=tmp_path, kept=tmp_path / "peers.jsonl")
    assert run.trouble == ""
    assert run.evaluations == 14
    assert run.requests >= 9
    assert len(read_runs(tmp_path / "peers.jsonl", 14)) == 1
