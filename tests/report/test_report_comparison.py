"""Two experiments beside each other, the metrics beside each other, and proposers beside each other."""

from dataclasses import replace

import pytest

from move37.core.facts import Answered, Asked
from move37.core.records import Direction, Metric, Verdict
from move37.report.comparison import comparison
from move37.report.trade_offs import SHOWN, trade_offs
from move37.report.views import summary
from move37.report.yields import yields
from move37.search.arms import Ledger
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task


def test_common_seeds_are_paired_and_gains_are_positive_where_better() -> None:
    study = MadeUpStudy(made_up_task(minimize=True))
    study.baseline(3.0, 3.2)
    one = study.experiment(2.5, 2.9, 2.0)
    study.trial(one, 1.0, purpose="certify", metrics={"size": 7.0})

    def told(id: int):
        return summary(
            study.task, study.history, study.beliefs, one, id, lambda _: (Verdict.UNCLEAR, "")
        )

    shown = comparison(study.task, study.history, study.beliefs, told(0), told(one))
    assert [(pair.seed, pair.left, pair.right) for pair in shown.pairs] == [
        (100, 3.0, 2.5),
        (101, 3.2, 2.9),
    ]
    assert [pair.gain for pair in shown.pairs] == pytest.approx([0.5, 0.3])
    assert shown.mean_gain == pytest.approx(0.4)
    assert shown.gain_error == pytest.approx(0.1)
    assert shown.difference == pytest.approx(3.1 - (2.5 + 2.9 + 2.0 + 1.0) / 4)
    assert shown.meeting == 0
    size = next(each for each in shown.metrics if each.name == "size")
    assert (size.left, size.right) == (None, 7.0)


def with_size(direction: Direction = Direction.MINIMIZE) -> MadeUpStudy:
    task = replace(made_up_task(minimize=True), also=(Metric(name="size", direction=direction),))
    study = MadeUpStudy(task)
    study.baseline()
    study.trial(0, 3.0, metrics={"size": 10.0, "steps": 5.0})
    return study


def test_the_front_and_the_axes() -> None:
    study = with_size()
    for value, size in ((2.0, 20.0), (2.5, 5.0), (2.6, 30.0)):
        id = study.experiment()
        study.trial(id, value, metrics={"size": size, "steps": 5.0})
    study.certificate(1, effect=1.0, claim=True)
    shown = trade_offs(study.task, study.history, study.beliefs)
    assert shown.experiment == (1, 2, 3, 0)
    assert shown.is_front == (True, True, False, False)
    assert shown.certified == (True, False, False, False)
    assert (shown.total, shown.front) == (4, 2)
    metric, size = shown.axes[:2]
    assert (metric.name, metric.goal, metric.values) == (
        "val_bpb",
        "minimize",
        (2.0, 2.5, 2.6, 3.0),
    )
    assert (size.kind, size.values) == ("secondary", (20.0, 5.0, 30.0, 10.0))
    assert "steps" not in [axis.name for axis in shown.axes], "it is the same for all"


def test_of_very_many_the_front_and_the_best_are_kept() -> None:
    study = with_size()
    for n in range(SHOWN + 200):
        id = study.experiment()
        study.trial(id, 3.0 + n / 1000, metrics={"size": 10.0 + n})
    last = study.experiment()
    study.trial(last, 9.0, metrics={"size": 1.0})
    shown = trade_offs(study.task, study.history, study.beliefs)
    assert len(shown.experiment) <= SHOWN
    assert {0, 1, last} <= set(shown.experiment)
    assert shown.total == SHOWN + 202


def test_failures_are_counted_by_stage_and_proposer() -> None:
    beliefs = MeanBeliefs(noise=0.01)
    ledger = Ledger(beliefs)
    study = MadeUpStudy(made_up_task(minimize=True), beliefs, (ledger,))
    study.baseline(3.0)
    better = study.experiment(2.0)
    study.failure(stage="run")
    study.failure(stage="run")
    study.rejection()
    asked = study.open(proposer="llm")
    study.add(Asked(experiment=asked, round=0, model="m", usd_at_most=1.0))
    study.add(
        Answered(
            experiment=asked, round=0, model="m-1", usd=0.5, tokens_in=9, tokens_out=3, seconds=2.0
        )
    )
    study.certificate(better, effect=1.0, claim=True)
    shown = yields(study.history, ledger)
    tune, llm = shown.proposers
    assert (tune.opened, tune.applied, tune.measured, tune.certified) == (4, 3, 1, 1)
    assert tune.failures == {"run": 2, "propose": 1}
    assert tune.gain == pytest.approx(1.0)
    assert tune.gain_per_usd is None
    assert tune.gain_per_second == pytest.approx(1.0 / tune.seconds)
    assert (llm.running, llm.usd, llm.gain_per_usd) == (1, 0.5, 0.0)
    (model,) = shown.models
    assert (model.model, model.questions, model.answered, model.usd) == ("m-1", 1, 1, 0.5)
    assert shown.arms == ()
