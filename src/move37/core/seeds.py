"""Seeds: every random number of a study derives from one integer, so that a study can be repeated."""

from hashlib import blake2b


def derive_seed(seed: int, *path: int | str) -> int:
    """Return a non-negative 31-bit seed, determined by `seed` and `path`, unrelated to any other's."""
    text = "/".join(map(str, (seed, *path)))
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") >> 1
