"""Bayesian regression on sparse features: what it knows, and how sure it is."""

from random import Random
from statistics import fmean

from move37.policy.regression import WINDOW, Regression, Row, normalised


def lessons(count: int, *, said: float, seed: int = 0) -> list[tuple[Row, float]]:
    """Rows with their true targets; their names say `said` of the standard deviation."""
    random = Random(seed)
    worth = {f"name:{i}": random.gauss(0, 1) for i in range(12)}
    rows: list[tuple[Row, float]] = []
    for _ in range(count):
        name = f"name:{random.randrange(12)}"
        true = said * worth[name] + (1 - said**2) ** 0.5 * random.gauss(0, 1)
        features = normalised({"all:": 0.5, name: 1.0})
        rows.append((Row(features, true + random.gauss(0, 0.5), 0.25), true))
    return rows


def test_it_learns_which_names_help() -> None:
    model, errors = Regression(), list[float]()
    for turn, (row, true) in enumerate(lessons(300, said=0.9)):
        if (said := model.predict(row.features)) is not None and turn > 100:
            errors.append((said.mean - true) ** 2)
        model.add(row)
    assert fmean(errors) < 0.5
    assert model.share > 0.4


def test_where_names_say_nothing_it_says_nothing() -> None:
    model = Regression()
    for row, _ in lessons(200, said=0.0):
        model.add(row)
    means = [abs(p.mean) for i in range(12) if (p := model.predict({f"name:{i}": 1.0}))]
    assert max(means) < 0.35
    assert model.share < 0.15


def test_its_intervals_hold_what_they_say() -> None:
    inside: list[bool] = []
    for seed in range(4):
        model = Regression()
        for row, true in lessons(200, said=0.6, seed=seed):
            said = model.predict(row.features)
            if said is not None and len(model) > 40:
                inside.append(abs(true - said.mean) < 1.645 * said.sd)
            model.add(row)
    assert 0.85 < fmean(inside) < 0.96


def test_the_same_rows_give_the_same_state() -> None:
    one, other = Regression(), Regression()
    for row, _ in lessons(80, said=0.5):
        one.add(row)
        other.add(row)
    assert one.predict({"name:3": 1.0}) == other.predict({"name:3": 1.0})


def test_adding_a_row_is_the_same_as_having_had_it() -> None:
    """What is extended row by row agrees with what is solved at once."""
    model = Regression(scale=1.0)
    for row, _ in lessons(40, said=0.5):
        model.add(row)
    before = model.predict({"name:3": 1.0})
    model._refit()  # pyright: ignore[reportPrivateUsage]
    after = model.predict({"name:3": 1.0})
    assert before is not None
    assert after is not None
    assert abs(before.mean - after.mean) < 0.1


def test_it_remembers_no_more_than_its_window() -> None:
    model = Regression()
    for row, _ in lessons(WINDOW + 100, said=0.5):
        model.add(row)
    assert len(model) <= WINDOW


def test_one_wild_result_does_not_decide() -> None:
    model = Regression()
    for row, _ in lessons(60, said=0.0):
        model.add(row)
    model.add(Row({"name:3": 1.0}, 1e12, 0.25))
    said = model.predict({"name:3": 1.0})
    assert said is not None
    assert abs(said.mean) < 10


def test_effects_of_exactly_nothing_are_no_trouble() -> None:
    model = Regression()
    for _ in range(20):
        model.add(Row({"name:a": 1.0}, 0.0, 0.0))
    assert model.predict({"name:a": 1.0}) is None or model.scale >= 0
