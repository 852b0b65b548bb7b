"""The cheat report: what is remarked on a change, and what is not."""

import pytest
from cheat_corpus import CHEATS, HONEST, METRICS, Case

from move37.core.records import Direction, Metric, Remark
from move37.referee.cheat_signals import Surroundings
from move37.referee.cheats import Change, read_change


def around(metric: str = "val_loss") -> Surroundings:
    return Surroundings(
        metric=Metric(name=metric, direction=Direction.MINIMIZE),
        is_scored=False,
        editable=lambda path: path not in ("prepare.py", "data.py"),
        fixed=frozenset(("prepare.py", "data.py")),
        hidden=frozenset(("hidden/",)),
    )


def remarks_on(case: Case) -> list[Remark]:
    change = Change(path=case.path, old=case.old.encode(), new=case.new.encode())
    return read_change([change], around(METRICS.get(case.path, "seconds")))


def remarks(old: str, new: str, path: str = "train.py") -> list[Remark]:
    return read_change([Change(path=path, old=old.encode(), new=new.encode())], around())


def told(found: list[Remark]) -> str:
    return "; ".join(f"{r.gravity} {r.path}:{r.line} {r.topic}: {r.what}" for r in found)


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(HONEST) >= 40
    assert len(CHEATS) >= 25
    assert all(case.new != case.old for case in (*HONEST, *CHEATS))


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.name)
def test_an_honest_edit_raises_no_alarm(case: Case) -> None:
    found = remarks_on(case)
    assert all(remark.gravity == "note" for remark in found), told(found)


@pytest.mark.parametrize("case", CHEATS, ids=lambda case: case.name)
def test_a_cheat_is_remarked_on_where_it_stands(case: Case) -> None:
    found = [r for r in remarks_on(case) if r.topic == case.topic and r.gravity != "note"]
    assert found, told(remarks_on(case)) or "nothing"
    added = set(case.new.splitlines()) - set(case.old.splitlines())
    assert all(case.new.splitlines()[(r.line or 0) - 1] in added for r in found), told(found)


@pytest.mark.parametrize("case", CHEATS, ids=lambda case: case.name)
def test_what_was_there_before_is_not_held_against_a_change(case: Case) -> None:
    later = case.new + ("\n# a comment\n" if case.path.endswith(".py") else "\n")
    change = Change(path=case.path, old=case.new.encode(), new=later.encode())
    assert read_change([change], around()) == []
