from hypothesis import given
from hypothesis import strategies as st

from move37.core.seeds import derive_seed


@given(seed=st.integers(0, 2**31 - 1), path=st.lists(st.integers(0, 99) | st.text(max_size=5)))
def test_a_seed_is_a_31_bit_integer_and_always_the_same(seed: int, path: list[int | str]) -> None:
    derived = derive_seed(seed, *path)
    assert 0 <= derived < 2**31
    assert derived == derive_seed(seed, *path)


def test_different_paths_give_different_seeds() -> None:
    seeds = {derive_seed(0, purpose, index) for purpose in ("a", "b") for index in range(1000)}
    assert len(seeds) == 2000
