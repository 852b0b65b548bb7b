"""What the trials show: a gain that vanishes, a seed that is not used, a unit that holds it all."""

import json
from collections.abc import Mapping, Sequence

from move37.core.facts import CertificationOpened, Certified, Opened, Proposed, Tried
from move37.core.records import Belief, Interval, Measured, Purpose, Remark, Trial
from move37.referee.cheat_evidence import evidence
from move37.testing.histories import MadeUpStudy, made_up_task

Values = Sequence[float]


class Told:
    """A study of a baseline and one program, in scores (higher is better)."""

    def __init__(
        self,
        baseline: Values,
        program: Values,
        *,
        fresh_baseline: Values = (),
        fresh: Values = (),
        claim: bool = False,
        holdout: Interval | None = None,
        cpu_seconds: tuple[float, float] = (1.0, 1.0),
        minimize: bool = False,
    ) -> None:
        self.study = MadeUpStudy(made_up_task(minimize=minimize))
        self.units: dict[str, bytes] = {}
        self._seconds = cpu_seconds
        self.study.baseline()
        self.study.add(Opened(experiment=1, epoch=0, parents=(0,), proposer="llm", seed=1))
        self.study.add(
            Proposed(experiment=1, commit="c1", identity="i1", move="llm", hypothesis="better")
        )
        self._tried(0, "search", baseline)
        self._tried(1, "search", program)
        self._tried(0, "certify", fresh_baseline)
        self._tried(1, "certify", fresh)
        if fresh:
            self._certified(old=fresh_baseline, new=fresh, claim=claim, holdout=holdout)

    def _tried(self, experiment: int, purpose: Purpose, scores: Values) -> None:
        for index, score in enumerate(scores):
            measured = Measured(
                score=score,
                metrics={},
                seconds=1.0,
                cpu_seconds=self._seconds[experiment],
                peak_memory_mb=1.0,
            )
            trial = Trial(purpose=purpose, index=index, seed=100 + index, outcome=measured)
            self.study.add(Tried(experiment=experiment, trial=trial))

    def _certified(
        self, old: Values, new: Values, *, claim: bool, holdout: Interval | None
    ) -> None:
        effect = sum(new) / len(new) - sum(old) / len(old)
        self.study.add(
            CertificationOpened(
                certification=0, experiment=1, baseline=0, believed=Belief(1.0, 0.1), pairs=len(new)
            )
        )
        self.study.add(
            Certified(
                certification=0,
                experiment=1,
                baseline=0,
                effect=interval(effect, 0.01),
                baseline_score=old[0],
                holdout=holdout,
                holdout_baseline_score=None,
                claim=claim,
                reason="",
            )
        )

    def by_unit(self, experiment: int, purpose: Purpose, units: Mapping[str, float]) -> None:
        for index in range(3):
            self.units[f"x{experiment}-{purpose}-{index}/units"] = json.dumps(units).encode()

    def remarks(self, only_tests: Belief | None = None) -> list[Remark]:
        return list(
            evidence(
                self.study.history,
                1,
                self.study.task.metric,
                self.units.get,
                only_tests=only_tests,
            )
        )

    def topics(self) -> list[tuple[str, str]]:
        return [(remark.topic, remark.gravity) for remark in self.remarks()]


def interval(effect: float, half: float) -> Interval:
    return Interval(effect=effect, low=effect - half, high=effect + half, level=0.95, pairs=6)


OLD, NEW = (1.0, 1.1, 0.9), (2.0, 2.2, 1.9)
FRESH_OLD, FRESH_NEW = (1.0, 1.05, 0.95, 1.1), (2.0, 2.1, 2.05, 1.95)


def test_a_gain_that_holds_on_fresh_seeds_needs_no_remark() -> None:
    assert Told(OLD, NEW, fresh_baseline=FRESH_OLD, fresh=FRESH_NEW, claim=True).topics() == []


def test_a_gain_that_is_gone_on_fresh_seeds_is_told() -> None:
    lucky = Told((1.0,), (1.3,), fresh_baseline=FRESH_OLD, fresh=(1.1, 0.9, 1.2, 0.95))
    (remark,) = lucky.remarks()
    assert (remark.topic, remark.gravity) == ("fresh seeds", "look")
    assert "luck" in remark.why


def test_what_luck_does_not_explain_is_serious() -> None:
    fitted = Told(
        (1.0, 1.0, 1.01), (9.0, 9.1, 9.05), fresh_baseline=FRESH_OLD, fresh=(1.0, 1.06, 0.95, 1.11)
    )
    assert ("fresh seeds", "serious") in fitted.topics()


def test_a_program_that_ignores_its_seed_is_told_where_the_baseline_does_not() -> None:
    assert Told(OLD, (2.0, 2.0, 2.0)).topics() == [("seed", "look")]
    assert Told((1.0, 1.0, 1.0), (2.0, 2.0, 2.0)).topics() == []


def test_a_hold_out_that_says_otherwise_is_told() -> None:
    def told(holdout: Interval) -> list[tuple[str, str]]:
        study = Told(
            OLD, NEW, fresh_baseline=FRESH_OLD, fresh=FRESH_NEW, claim=True, holdout=holdout
        )
        return study.topics()

    assert told(interval(-0.5, 0.1)) == [("hold-out", "serious")]
    assert told(interval(0.1, 0.3)) == [("hold-out", "look")]
    assert told(interval(0.9, 0.3)) == []


def test_a_perfect_score_is_told() -> None:
    assert ("metric", "look") in Told((0.5, 0.6, 0.4), (1.0, 1.0, 1.0)).topics()
    assert ("metric", "look") in Told((-3.0, -3.1, -2.9), (0.0, 0.0, 0.0), minimize=True).topics()
    assert Told((0.5, 0.6, 0.4), (0.9, 0.8, 0.95)).topics() == []


def test_a_program_that_does_not_take_its_time_is_noted() -> None:
    assert Told(OLD, NEW, cpu_seconds=(10.0, 0.2)).topics() == [("ending", "note")]


def test_a_gain_in_a_single_unit_is_told() -> None:
    study = Told(OLD, NEW)
    names = [f"case {number}" for number in range(20)]
    study.by_unit(0, "search", dict.fromkeys(names, 1.0))
    study.by_unit(1, "search", dict.fromkeys(names, 1.0) | {"case 7": 9.0, "case 8": 1.1})
    (remark,) = study.remarks()
    assert remark.topic == "units"
    assert "'case 7', one of 20" in remark.what


def test_a_gain_over_many_units_needs_no_remark() -> None:
    study = Told(OLD, NEW)
    names = [f"case {number}" for number in range(20)]
    study.by_unit(0, "search", dict.fromkeys(names, 1.0))
    study.by_unit(1, "search", {name: 1.0 + 0.1 * number for number, name in enumerate(names)})
    assert study.topics() == []


def test_gains_and_losses_that_nearly_cancel_are_no_single_unit() -> None:
    study = Told(OLD, NEW)
    names = [f"case {number}" for number in range(20)]
    study.by_unit(0, "search", dict.fromkeys(names, 1.0))
    swings = {name: 1.0 + (0.5 if number % 2 else -0.5) for number, name in enumerate(names)}
    study.by_unit(1, "search", swings | {"case 1": 1.6})
    assert study.topics() == []


def test_a_gain_on_the_units_of_the_search_alone_is_told() -> None:
    study = Told(OLD, NEW, fresh_baseline=FRESH_OLD, fresh=FRESH_NEW, claim=True)
    seen, fresh = ([f"{kind} {number}" for number in range(9)] for kind in ("seen", "fresh"))
    study.by_unit(0, "search", dict.fromkeys(seen, 1.0))
    study.by_unit(1, "search", {name: 2.0 + 0.01 * i for i, name in enumerate(seen)})
    study.by_unit(0, "certify", dict.fromkeys(fresh, 1.0))
    study.by_unit(1, "certify", {name: 1.0 + 0.01 * (i - 4) for i, name in enumerate(fresh)})
    assert study.topics() == [("units", "look")]


def test_test_like_files_that_make_the_gain_alone_are_serious() -> None:
    study = Told(OLD, NEW)
    (remark,) = study.remarks(only_tests=Belief(0.9, 0.1))
    assert (remark.topic, remark.gravity) == ("tests", "serious")
    assert study.remarks(only_tests=Belief(0.05, 0.1)) == []


def test_broken_units_are_passed_over() -> None:
    study = Told(OLD, NEW)
    study.units = {f"x{id}-search-0/units": b"not json" for id in (0, 1)}
    assert study.topics() == []
