"""The lineage posterior: exact, incremental, scale-free; and what it says in cases one can reason about."""

import math
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.errors import StudyError
from move37.core.facts import Opened
from move37.core.protocols import Believer
from move37.search import LineagePosterior, audit, recompute
from move37.search.dense import Edge, Solution, solve
from move37.testing.search import BelieverContract, Told


class TestLineagePosterior(BelieverContract):
    @pytest.fixture
    def believer(self) -> Believer:
        return LineagePosterior()


@dataclass(frozen=True)
class Program:
    parent: int
    """Modulo how many programs there are."""
    scores: tuple[float, ...]
    move: int


scores = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
programs = st.lists(
    st.builds(
        Program,
        parent=st.integers(0, 10**6),
        scores=st.lists(scores, max_size=3).map(tuple),
        move=st.integers(0, 2),
    ),
    max_size=40,
)


LAWS = settings(max_examples=40)
"""How long an example takes says nothing about a law."""


def tell(forest: list[Program], believer: LineagePosterior) -> Told:
    told = Told(believer)
    told.score(0, 0.0, 1.0, -0.5)
    for program in forest:
        id = told.open(program.parent % len(told.history), move=f"move-{program.move}")
        told.score(id, *program.scores)
    return told


def dense(believer: LineagePosterior, *, expecting: bool = False) -> Solution:
    """expecting: that edits have the mean effects of their kinds, as reported gains do."""
    model = believer.model_of(0)
    sigma = model.scales.sigma
    effects = [effect if expecting else 0.0 for effect in model.effect]
    edges = [
        Edge(
            node,
            ((parent, 1.0),),
            model.offset[node] + effects[node],
            model.ratio[node] * sigma**2,
        )
        for node, parent in enumerate(model.parent)
        if node > 0
    ]
    return solve(edges, weight=model.weight, average=model.average, sigma=sigma)


@given(programs)
@LAWS
def test_beliefs_and_differences_equal_a_dense_solve(forest: list[Program]) -> None:
    believer = LineagePosterior()
    told = tell(forest, believer)
    solution, unit = dense(believer), believer.noise + 1e-6 * 1e3
    measured = [e.id for e in told.history.experiments if e.is_measured]
    for id in measured:
        belief = believer.belief(id)
        assert belief is not None
        assert (belief.mean, belief.sd) == pytest.approx(solution.belief(id), abs=1e-6 * unit)
        for other in measured[:5]:
            difference = believer.difference(id, other)
            assert difference is not None
            expected, lean = solution.difference(id, other), believer.model_of(0).lean
            known = expected[0] + lean[id] - lean[other]
            assert difference.mean == pytest.approx(known, abs=1e-6 * unit)
            # The dense variance is a difference of large numbers: compare it, not its root.
            assert difference.sd**2 == pytest.approx(expected[1] ** 2, abs=1e-6 * unit**2)


@given(programs.map(lambda forest: forest[:7]))
@LAWS
def test_what_edits_do_on_average_enters_a_difference_exactly(forest: list[Program]) -> None:
    believer = LineagePosterior()
    told = tell(forest, believer)  # So few trials that each of them estimates the scales.
    solution, unit = dense(believer, expecting=True), believer.noise + 1e-6 * 1e3
    for id in [e.id for e in told.history.experiments if e.is_measured]:
        difference = believer.difference(id, 0)
        assert difference is not None
        assert difference.mean == pytest.approx(solution.difference(id, 0)[0], abs=1e-6 * unit)


@given(programs)
@LAWS
def test_the_heap_ranks_as_looking_at_every_program_does(forest: list[Program]) -> None:
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, 0.0, 1.0, -0.5)
    for program in forest:
        id = told.open(program.parent % len(told.history))
        told.score(id, *program.scores)
        means = {
            e.id: belief.mean
            for e in told.history.experiments
            if (belief := believer.belief(e.id)) is not None
        }
        best = [means[id] for id in believer.ranking(4)]
        slack = 1e-9 * (believer.noise + max(map(abs, means.values())))
        assert best == pytest.approx(sorted(means.values(), reverse=True)[:4], abs=slack)


@given(programs)
@LAWS
def test_the_fold_is_a_function_of_the_facts(forest: list[Program]) -> None:
    believer = LineagePosterior()
    told = tell(forest, believer)
    list(believer.ranking(3))  # Asking changes nothing.
    again = recompute(told.facts)
    assert all(_close(again, believer, id) for id in range(len(told.history)))
    assert audit(told.history, believer) == []


def _close(one: LineagePosterior, other: LineagePosterior, experiment: int) -> bool:
    a, b = one.belief(experiment), other.belief(experiment)
    if a is None or b is None:
        return a is b
    slack = 1e-9 * (one.noise + 1)
    return math.isclose(a.mean, b.mean, abs_tol=slack) and math.isclose(a.sd, b.sd, abs_tol=slack)


@given(programs, st.sampled_from([1e-9, 1e-3, 1e9]))
@LAWS
def test_the_unit_of_the_scores_does_not_matter(forest: list[Program], unit: float) -> None:
    plain, scaled = LineagePosterior(), LineagePosterior()
    told = tell(forest, plain)
    rescaled = Told(scaled)
    rescaled.score(0, 0.0, unit, -0.5 * unit)
    for program in forest:
        id = rescaled.open(program.parent % len(rescaled.history), move=f"move-{program.move}")
        rescaled.score(id, *(score * unit for score in program.scores))
    assert scaled.noise == pytest.approx(plain.noise * unit, rel=1e-6)
    for id in range(len(told.history)):
        a, b = plain.belief(id), scaled.belief(id)
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert b.mean == pytest.approx(a.mean * unit, rel=1e-6, abs=1e-6 * unit)
            assert b.sd == pytest.approx(a.sd * unit, rel=1e-6)


def test_a_lucky_winner_is_unmasked_by_its_children() -> None:
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, 0.0, 1.0, -1.0, 0.5, -0.5)
    lucky = told.score(told.open(0), 2.5)
    at_first = believer.difference(lucky, 0)
    for score in (0.1, -0.4, 0.3, -0.2, 0.0, 0.4):
        told.score(told.open(lucky), score)
    afterwards = believer.difference(lucky, 0)
    assert at_first is not None
    assert afterwards is not None
    assert at_first.mean > 0.8
    assert afterwards.mean < 0.6 * at_first.mean
    assert afterwards.sd < at_first.sd


def test_identical_repeats_mean_that_a_trial_shows_the_truth() -> None:
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, 0.3, 0.3, 0.3)
    better = told.score(told.open(0), 0.7)
    told.score(told.open(better), 0.1)
    assert believer.noise == 0.0
    assert believer.belief(better) is not None
    assert [believer.belief(id).mean for id in believer.ranking(3)] == [0.7, 0.3, 0.1]  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    difference = believer.difference(better, 0)
    assert difference is not None
    assert difference.mean == pytest.approx(0.4)
    assert difference.sd < 0.15 * believer.tau


def test_noise_that_shows_up_late_is_believed_at_once() -> None:
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, 0.3, 0.3, 0.3)
    told.score(told.open(0), 0.7, 0.5)
    assert believer.noise > 0
    assert audit(told.history, believer) == []


@pytest.mark.parametrize("sigma", [0.01, 1.0, 50.0])
def test_the_scales_are_found(sigma: float) -> None:
    luck = random.Random(3)
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, *(luck.gauss(0, sigma) for _ in range(5)))
    values = [0.0]
    for id in range(1, 600):
        parent = luck.randrange(id)
        values.append(values[parent] + luck.gauss(0, 2 * sigma))
        told.score(told.open(parent), values[id] + luck.gauss(0, sigma))
    assert believer.noise == pytest.approx(sigma, rel=0.35)
    assert believer.tau == pytest.approx(2 * sigma, rel=0.2)


def test_tau_does_not_collapse_where_no_edit_does_anything() -> None:
    luck = random.Random(4)
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, *(luck.gauss(0, 1) for _ in range(40)))
    for _ in range(300):
        told.score(told.open(0), luck.gauss(0, 1))
    assert 0.25 * believer.noise < believer.tau < 0.7 * believer.noise


def test_one_broken_program_does_not_make_luck_look_real() -> None:
    def tau(broken: float | None) -> float:
        luck = random.Random(5)
        believer = LineagePosterior()
        told = Told(believer)
        told.score(0, *(luck.gauss(0, 1) for _ in range(5)))
        for id in range(1, 60):
            parent = luck.randrange(id) if broken is None else min(luck.randrange(id), 39)
            told.score(told.open(parent), luck.gauss(0, 1))
            if id == 40 and broken is not None:
                told.score(told.open(0), broken)
        assert audit(told.history, believer) == []
        return believer.tau

    assert tau(-1e6) < 3 * tau(None)


def test_a_kind_of_move_gets_a_scale_of_its_own() -> None:
    luck = random.Random(6)
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, *(luck.gauss(0, 1) for _ in range(5)))
    for _ in range(100):
        told.score(told.open(0, move="polish"), luck.gauss(0, 1))
        told.score(told.open(0, move="rewrite"), luck.gauss(0, 5))
    polish, rewrite = told.open(0, move="polish"), told.open(0, move="rewrite")
    small, large = believer.predict(polish), believer.predict(rewrite)
    assert small is not None
    assert large is not None
    assert large.sd > 2 * small.sd


def test_a_merge_is_predicted_and_updated_as_the_full_model_says() -> None:
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, 0.2, -0.9, 0.7, 1.1)
    left = told.score(told.open(0), 1.4)
    right = told.score(told.open(0), 0.9, 1.6)
    told.score(told.open(left), 0.8)
    merge = told.open(left, right)
    for scores in ((), (3.1, 2.0)):
        told.score(merge, *scores)
        model = believer.model_of(0)
        sigma, tau = model.scales.sigma, model.scales.tau
        edges = [Edge(n, ((model.parent[n], 1.0),), 0.0, tau**2) for n in (left, right, 3)]
        edges.append(Edge(merge, ((left, 1.0), (right, 1.0), (0, -1.0)), 0.0, tau**2))
        exact = solve(edges, weight=model.weight, average=model.average, sigma=sigma).belief(merge)
        belief = believer.predict(merge)
        assert belief is not None
        # The scales move a little with each trial; the frozen offset does not follow them.
        close = 1e-9 if not scores else 0.15 * sigma
        assert (belief.mean, belief.sd) == pytest.approx(exact, abs=close)


def test_facts_that_do_not_fit_together_are_refused() -> None:
    believer = LineagePosterior()
    Told(believer)
    with pytest.raises(StudyError, match="x7 is opened out of order"):
        believer.add(Opened(experiment=7, epoch=0, parents=(0,), proposer="tune", seed=0))
    with pytest.raises(StudyError, match="x9 is not of its epoch"):
        believer.add(Opened(experiment=1, epoch=0, parents=(9,), proposer="tune", seed=0))


def test_an_audit_notices_a_belief_that_was_tampered_with() -> None:
    believer, other = LineagePosterior(), LineagePosterior()
    told, different = Told(believer), Told(other)
    for study, last in ((told, 2.0), (different, 2.1)):
        study.score(0, 0.0, 1.0, 0.4)
        study.score(study.open(0), last)
    assert audit(told.history, believer) == []
    assert "does not rest on the scores of x1" in audit(told.history, other)[0]


@pytest.mark.parametrize("shape", ["chain", "star", "random"])
def test_a_tree_too_large_for_a_dense_solve_is_audited_by_a_fresh_pass(shape: str) -> None:
    luck = random.Random(7)
    believer = LineagePosterior()
    told = Told(believer)
    told.score(0, *(luck.gauss(0, 1) for _ in range(5)))
    for id in range(1, 1700):
        parent = {"chain": id - 1, "star": 0, "random": luck.randrange(id)}[shape]
        told.score(told.open(parent), luck.gauss(0, 1))
        believer.ranking(2)
    assert audit(told.history, believer) == []
