"""What a change is like, in a few typed words."""

from hypothesis import given
from hypothesis import strategies as st

from move37.policy.traits import MOST, traits_of


def traits(old: str, new: str) -> tuple[str, ...]:
    return traits_of({"train.py": old.encode()}, {"train.py": new.encode()})


def test_a_turned_number_is_told_by_its_name_its_way_and_how_far() -> None:
    found = traits("LEARNING_RATE = 0.001\nx = 1\n", "LEARNING_RATE = 0.004\nx = 1\n")
    assert found[0] == "file:train.py"
    assert {"node:number", "name:learning_rate", "word:learning", "step:2"} <= set(found)
    assert {"way:train.py:LEARNING_RATE:up", "go:learning_rate:up", "size:2"} <= set(found)


def test_an_argument_and_a_flag_have_their_own_names() -> None:
    found = traits("y = fit(x, depth=3, warm=True)\n", "y = fit(x, depth=3, warm=False)\n")
    assert {"node:flag", "name:warm", "go:warm:false"} <= set(found)
    assert "name:depth" not in found


def test_a_sign_is_a_part_of_its_number() -> None:
    assert "go:shift:down" in traits("shift = 2.0\n", "shift = -2.0\n")


def test_lines_that_come_and_go_are_told_by_what_they_begin_with() -> None:
    assert {"node:insert", "starts:if"} <= set(traits("a = 1\n", "a = 1\nif a:\n    b = 2\n"))
    assert {"node:delete", "name:clip"} <= set(traits("x = clip(x)\na = 1\n", "a = 1\n"))


def test_the_same_program_has_no_traits() -> None:
    assert traits("a = 1\n", "a = 1\n") == ()


def test_a_file_that_comes_is_told() -> None:
    assert "node:file" in traits_of({}, {"new.py": b"a = 1\n"})


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_have_few_short_printable_traits(old: bytes, new: bytes) -> None:
    found = traits_of({"f": old}, {"f": new})
    assert len(found) <= MOST
    assert len(set(found)) == len(found)
    assert all(trait.isprintable() and len(trait) <= 60 for trait in found)
    assert found == traits_of({"f": old}, {"f": new})


def test_a_huge_change_is_read_no_further_than_it_is_worth() -> None:
    old = "\n".join(f"x{i} = {i}" for i in range(20_000))
    assert "node:block" in traits(old, old.replace("=", "+="))
    assert "node:block" in traits("x", "y" * 1_000_000)
