"""Claims, by the real engine: what is certified, when it stops, and what it costs."""

import shutil
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.facts import Certified
from move37.core.history import Experiment
from move37.core.records import Measured, Purpose

NOISY = """\
awk -v seed="$MOVE37_SEED" -v piece="$MOVE37_SPLIT" -F ' = ' '
  BEGIN           { srand(seed % 9973); noise = rand() + rand() + rand() - 1.5 }
  /learning_rate/ { x = $2; noise *= (1 + (int(x * 1000) + piece) % 7) }
  /width/         { loss += (log($2) - 5) ^ 2 }
  END             { printf "loss: %.6f\\nsplit: %d\\n", loss + noise / 10, piece }
' program.py
"""
"""The noise hangs on the program and the split, so that common seeds do not take it away."""


@pytest.fixture
def searched(make_task: MakeTask) -> Path:
    """A study whose champion has not been certified yet."""
    task = make_task(evaluate=NOISY)
    settings = app.RunSettings(experiments=12, workers=2, certify=False, check=False)
    assert app.run(task, settings).status.champion is not None
    return task


def certificates(task: Path) -> list[Certified]:
    with read_study(task) as study:
        return [certified for _, certified in sorted(study.history.certificates.items())]


def fresh_trials(task: Path) -> int:
    with read_study(task) as study:
        return sum(one.count("certify") for one in study.history.experiments)


def test_it_stops_at_the_same_pair_with_one_worker_and_with_three(
    searched: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(searched, other)
    app.certify(searched, settings=app.RunSettings(workers=1))
    app.certify(other, settings=app.RunSettings(workers=3))
    assert certificates(searched) == certificates(other)
    assert fresh_trials(searched) == fresh_trials(other)


def splits(one: Experiment, purpose: Purpose) -> list[int]:
    """As the evaluation printed them."""
    return [
        int(trial.outcome.metrics["split"])
        for trial in one.trials
        if trial.purpose == purpose and isinstance(trial.outcome, Measured)
    ]


def test_every_pair_is_measured_on_a_split_of_its_own(searched: Path) -> None:
    view = app.certify(searched, pairs=8)
    assert view is not None
    with read_study(searched) as study:
        champion, baseline = study.history[view.experiment], study.history[view.baseline]
        before = {split for one in study.history.experiments for split in splits(one, "search")}
    fresh = splits(champion, "certify")
    assert sorted(fresh) == sorted(splits(baseline, "certify"))
    assert len(set(fresh)) == view.pairs
    assert before.isdisjoint(fresh)
    assert len(before) < 12, "search trials of equal index share their split"


def test_no_more_pairs_are_run_than_were_asked_for(searched: Path) -> None:
    (searched / "move37.toml").write_text(
        (searched / "move37.toml").read_text() + "\n[certify]\npairs = 7\n"
    )
    app.certify(searched)
    assert fresh_trials(searched) <= 14
    with read_study(searched) as study:
        assert study.history.certifications[0].pairs == 7
        assert len(study.history.epochs) == 1, "what a claim may cost changes no measurement"
