"""A machine of cells: our guess of the unknown one. Change this file."""

# What becomes of a cell, by what the five cells around it are: by the number that they spell, the
# leftmost first. Cells are 0 or 1.
RULE = [
    False, False, False, False, False, False, False, False,
    False, False, False, False, False, False, False, False,
    False, False, False, False, False, False, False, False,
    False, False, False, False, False, False, False, False,
]  # fmt: skip
BORDER = "zero"  # zero, wrap, mirror
PAST = False  # whether a cell is turned over where it was 1 two steps before


def step(before: list[int], now: list[int], number: int) -> list[int]:
    """The next state: `now` is the present one, `before` the one before it, both given as they truly are.

    number: how many steps have been taken.
    """
    padded = [cell(now, at) for at in range(-2, len(now) + 2)]
    after = []
    for at in range(len(now)):
        spelled = 0
        for bit in padded[at : at + 5]:
            spelled = 2 * spelled + bit
        after.append(int(RULE[spelled]))
    if PAST:
        after = [new ^ old for new, old in zip(after, before)]
    return after


def cell(state: list[int], at: int) -> int:
    """What lies there: beyond an end, that which `BORDER` says."""
    width = len(state)
    if 0 <= at < width:
        return state[at]
    if BORDER == "wrap":
        return state[at % width]
    if BORDER == "mirror":
        return state[-at - 1] if at < 0 else state[2 * width - at - 1]
    return 0
