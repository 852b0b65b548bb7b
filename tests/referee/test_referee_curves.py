"""Learning curves: how they are read, what is learned from them, and when a trial is ended for one."""

import json
import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trial_lab import Lab, task_of

from move37.core.protocols import Attachments
from move37.core.records import (
    CurveRule,
    Direction,
    Measured,
    Metric,
    Screened,
    Trial,
    TrialJob,
)
from move37.referee.curves import (
    LEAST_FINISHED,
    Curves,
    Listener,
    chance_to_beat,
    dump_curves,
    features,
    learn,
    load_curves,
    predict,
    read_points,
)
from move37.referee.measure import measure
from move37.testing.sandbox_double import OpenSandbox, ScriptedSandbox, exited

Points = list[tuple[float, float]]
LOSS = Metric(name="val_loss", direction=Direction.MINIMIZE)


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "step: 100 val_loss: 1.25",
        "step 100 | val_loss 1.25",
        "METRIC val_loss=1.25 step=100",
        '{"step": 100, "val_loss": 1.25, "name": "x", "done": true}',
        "Step 100/5000, val_loss = 1.25 (12 ms)",
        "epoch 3 step 100 val_loss 1.25e0",
        "  iter=100   val_loss=+1.25",
    ],
)
def test_a_step_and_its_values_are_found_as_they_are_usually_printed(line: str) -> None:
    step, values = read_points(line, "val_loss")
    assert (step, values["val_loss"]) == (100.0, 1.25)


@pytest.mark.parametrize("line", ["", "loading data", "loss went to 3", "{broken", "took 12 s"])
def test_a_line_without_a_step_says_nothing(line: str) -> None:
    assert read_points(line, "val_loss") == (None, {})


def heard(*lines: str) -> Curves:
    curves = Curves(LOSS)
    curves.hear("".join(f"{line}\n" for line in lines).encode())
    return curves


def test_the_task_s_metric_alone_on_a_line_is_counted() -> None:
    curves = heard("val_loss: 3", "hello", "METRIC val_loss=2", "val_loss = 1.5")
    assert list(curves.points("val_loss")) == [(1, 3.0), (2, 2.0), (3, 1.5)]


def test_pieces_of_any_size_give_the_same_curve() -> None:
    text = "".join(f"step {i} val_loss {1 / i:.4f}\r\n" for i in range(1, 60)).encode()
    whole, pieces = Curves(LOSS), Curves(LOSS)
    whole.hear(text)
    for start in range(0, len(text), 7):
        pieces.hear(text[start : start + 7])
    assert whole.found() == pieces.found()
    assert len(whole.points("val_loss")) == 59


def test_a_long_curve_is_thinned_evenly_and_keeps_its_end() -> None:
    curves = heard(*(f"step {i} val_loss {i}" for i in range(1, 10_001)))
    points = curves.points("val_loss")
    assert len(points) <= 256
    assert points[-1][0] == 10_000
    gaps = [b[0] - a[0] for a, b in pairwise(points)]
    assert max(gaps) <= 0.01 * 10_000


def test_what_is_no_number_and_what_goes_back_is_left_out() -> None:
    curves = heard(
        "step 1 val_loss 2", "step 2 val_loss nan", "step 2 val_loss 1", "step 1 val_loss 9"
    )
    assert list(curves.points("val_loss")) == [(1, 2.0), (2, 1.0)]


@given(st.binary(max_size=4000))
def test_nothing_that_is_printed_breaks_it(data: bytes) -> None:
    curves = Curves(LOSS)
    curves.hear(data)
    found = curves.found()
    assert load_curves(dump_curves(found)) == {n: list(p) for n, p in found.items()}


def test_a_flood_of_names_and_lines_is_bounded() -> None:
    curves = heard(*(f"step {i} m{i % 999} {i}" for i in range(20_000)), "x" * 10**6)
    assert len(curves.found()) <= 4


# --- learning -----------------------------------------------------------------------------------


def curve(
    final: float, amplitude: float, *, noise: float = 0.0, seed: int = 0, power: float = 0.5
) -> Points:
    """A power law that ends at `final`, at steps 1 to 100."""
    random = Random(seed)
    return [
        (float(t), final + amplitude * (t**-power - 100**-power) + random.gauss(0, noise))
        for t in range(1, 101)
    ]


def finished(
    n: int, *, noise: float = 0.01, seed: int = 0
) -> list[tuple[dict[str, Points], float]]:
    """Curves and final scores of many programs: ends and amplitudes vary by themselves."""
    random = Random(seed)
    made: list[tuple[dict[str, Points], float]] = []
    for i in range(n):
        final, amplitude = random.gauss(2.0, 0.3), random.uniform(0.5, 3.0)
        points = curve(final, amplitude, noise=noise, seed=seed * 1000 + i)
        made.append(({"val_loss": points}, -final + random.gauss(0, noise)))
    return made


def learned(n: int = 30, target: float = -1.5, *, noise: float = 0.01, seed: int = 0) -> CurveRule:
    rule = learn(finished(n, noise=noise, seed=seed), "val_loss", target)
    assert rule is not None
    return rule


def test_nothing_is_learned_from_fewer_than_three_curves() -> None:
    for n in range(LEAST_FINISHED):
        assert learn(finished(n), "val_loss", 0.0) is None
    assert learn(finished(LEAST_FINISHED), "val_loss", 0.0) is not None


def test_the_end_of_a_power_law_is_told_from_its_beginning_whatever_its_amplitude() -> None:
    rule = learned()
    middle = rule.lines[len(rule.lines) // 2]
    for final, amplitude in ((1.6, 0.5), (2.4, 3.0), (1.6, 3.0)):
        found = features(curve(final, amplitude), middle.step)
        assert found is not None
        assert predict(middle, found)[0] == pytest.approx(-final, abs=0.05)


def test_the_chance_is_calibrated() -> None:
    """Of programs drawn like the finished ones, as many beat a target as was said."""
    said: list[float] = []
    beat: list[bool] = []
    for seed in range(100):
        rule = learned(12, target=-2.0, noise=0.2, seed=seed + 1)
        (curves, score) = finished(1, noise=0.2, seed=seed + 5000)[0]
        line = rule.lines[2]
        found = features(curves["val_loss"], line.step)
        assert found is not None
        said.append(chance_to_beat(line, found, -2.0))
        beat.append(score > -2.0)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        chosen = [i for i, chance in enumerate(said) if low <= chance <= high]
        share = sum(beat[i] for i in chosen) / len(chosen)
        expected = sum(said[i] for i in chosen) / len(chosen)
        assert abs(share - expected) < 3 * math.sqrt(0.25 / len(chosen))


def test_of_several_curves_the_task_s_metric_is_taken() -> None:
    both = [({**curves, "aside": curves["val_loss"]}, score) for curves, score in finished(5)]
    rule = learn(both, "val_loss", 0.0)
    assert rule is not None
    assert rule.name == "val_loss"


def test_a_curve_that_tells_the_end_is_preferred_to_one_that_does_not() -> None:
    random = Random(3)
    known = [
        (
            {
                "noise": [(float(t), random.random()) for t in range(1, 101)],
                "train": curves["val_loss"],
            },
            score,
        )
        for curves, score in finished(20)
    ]
    rule = learn(known, "val_loss", 0.0)
    assert rule is not None
    assert rule.name == "train"


def test_curves_that_are_all_alike_end_nothing() -> None:
    same = [({"val_loss": curve(2.0, 1.0)}, -2.0 + 0.1 * i) for i in range(5)]
    rule = learn(same, "val_loss", -2.0)
    assert rule is not None
    line = rule.lines[0]
    assert chance_to_beat(line, line.centre, -2.0) > 0.2


# --- ending -------------------------------------------------------------------------------------


def stopped_at(points: Points, rule: CurveRule) -> float | None:
    listener = Listener(LOSS, rule)
    for step, value in points:
        listener.hear(f"step {step:g} val_loss {value:.6f}\n".encode())
        if listener.is_hopeless:
            return step
    return None


def test_a_hopeless_trial_is_ended_early_and_a_good_one_is_not() -> None:
    rule = learned(target=-1.5)
    bad = stopped_at(curve(3.0, 1.0, noise=0.01), rule)
    assert bad is not None
    assert bad < 30
    assert stopped_at(curve(1.4, 1.0, noise=0.01), rule) is None


def test_a_slow_starter_that_overtakes_is_not_ended() -> None:
    rule = learned(target=-1.9, noise=0.02)
    slow = curve(1.8, 3.0, noise=0.02)
    average = curve(2.3, 0.5, noise=0.02)
    assert slow[9][1] > average[9][1]
    assert stopped_at(slow, rule) is None
    assert stopped_at(average, rule) is not None


def test_a_trial_without_a_rule_is_never_ended() -> None:
    listener = Listener(LOSS, None)
    listener.hear(b"step 1 val_loss 1e9\nstep 2 val_loss 1e9\nstep 3 val_loss 1e9\n")
    assert not listener.is_hopeless


def printing(points: Points) -> str:
    return "".join(f"step {t:g} val_loss {v:.6f}\n" for t, v in points)


def job_with(rule: CurveRule | None) -> TrialJob:
    return TrialJob(experiment=1, commit="c", purpose="search", index=0, seed=1, curve=rule)


def tried(
    tmp_path: Path, points: Points, rule: CurveRule | None, *, early: bool = True
) -> tuple[Trial, Attachments]:
    task = task_of("python train.py")
    task = replace(task, metric=LOSS, evaluate=replace(task.evaluate, early_stop=early))
    (tmp_path / "w").mkdir()
    (tmp_path / "o").mkdir()
    found = measure(
        task,
        job=job_with(rule),
        workspace=tmp_path / "w",
        out=tmp_path / "o",
        fresh_workspace=lambda: tmp_path / "w",
        sandbox=ScriptedSandbox([exited(printing(points) + f"val_loss: {points[-1][1]}\n")]),
    )
    assert found is not None
    return found


def test_an_ended_trial_is_screened_with_what_was_predicted(tmp_path: Path) -> None:
    trial, kept = tried(tmp_path, curve(3.0, 1.0), learned(target=-1.5))
    outcome = trial.outcome
    assert isinstance(outcome, Screened)
    assert outcome.by == "curve"
    assert outcome.predicted == pytest.approx(-3.0, abs=0.3)
    assert outcome.chance < 0.01
    assert re.search(r"by 30 finished curves its val_loss would be [23]\.", outcome.reason)
    assert "and the champion has 1.5" in outcome.reason
    assert "x1-search-0/curves" not in kept


def test_a_finished_trial_keeps_its_curve_for_those_to_come(tmp_path: Path) -> None:
    trial, kept = tried(tmp_path, curve(1.0, 1.0), None)
    assert isinstance(trial.outcome, Measured)
    assert list(json.loads(kept["x1-search-0/curves"])) == ["val_loss"]


def test_without_early_stop_nothing_is_ended_or_kept(tmp_path: Path) -> None:
    trial, kept = tried(tmp_path, curve(3.0, 1.0), learned(target=-1.5), early=False)
    assert isinstance(trial.outcome, Measured)
    assert "x1-search-0/curves" not in kept


def test_a_real_program_is_ended_while_it_runs(tmp_path: Path) -> None:
    awk = "for t in $(seq 1 60); do echo step $t val_loss 9.5; done; sleep 300; echo val_loss: 1"
    task = task_of(awk, timeout_seconds=120.0)
    task = replace(task, metric=LOSS, evaluate=replace(task.evaluate, early_stop=True))
    lab = Lab(tmp_path, OpenSandbox())
    found = measure(
        task,
        job=job_with(learned(target=-1.5)),
        workspace=lab.directory("w"),
        out=lab.directory("o"),
        fresh_workspace=lambda: lab.directory("w"),
        sandbox=lab.sandbox,
    )
    assert found is not None
    assert isinstance(found[0].outcome, Screened)
    assert found[0].outcome.seconds < 100
