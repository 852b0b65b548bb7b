"""Fixed: the cart and its pole, and the judge. Only policy.py changes.

    python prepare.py             draws hidden/, from which the judged starts and pushes follow
    python -P prepare.py score    judges the policy that policy.py left in $MOVE37_OUT

A policy is data, not code: a table of forces for states of the cart, which the judge looks up in its own
simulation. The starts and pushes of that are drawn from a secret that no program sees.

policy.py uses `grid`, `save`, and what it likes of the constants and of `moved`.
"""

import json
import os
import secrets
import stat
import sys
from hashlib import blake2b
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SECRET = HERE / "hidden" / "secret"
OUT = Path(os.environ.get("MOVE37_OUT") or HERE / "out")

EVALUATOR_VERSION = 1

# --- the cart and the pole ------------------------------------------------------------------------
# A. Barto, R. Sutton, C. Anderson, "Neuronlike adaptive elements that can solve difficult learning control
# problems", IEEE Transactions on Systems, Man, and Cybernetics 13 (1983): their constants and equations,
# without friction. Theirs is pushed by 10 N to the left or to the right; this one by any force between.

GRAVITY, CART, POLE, FORCE, TRACK, SECONDS = 9.8, 1.0, 0.1, 10.0, 2.4, 0.02
HALF_LENGTH = 0.5  # of a pole, in metres, on average; they differ, and a policy is not told
SHORTEST, LONGEST = 0.4, 0.6
UPRIGHT = np.cos(np.radians(12.0))
STEPS = 500  # 10 seconds
PUSH = 1.0  # N, standard deviation of a random force in each step


def moved(state: np.ndarray, force: np.ndarray, half_length: np.ndarray | float) -> np.ndarray:
    """The state [..., 4] one step later: place, speed, angle from upright, angular speed."""
    x, v, angle, w = (state[..., i] for i in range(4))
    sine, cosine, total = np.sin(angle), np.cos(angle), CART + POLE
    pull = (force + POLE * half_length * w * w * sine) / total
    turn = (GRAVITY * sine - cosine * pull) / (
        half_length * (4 / 3 - POLE * cosine * cosine / total)
    )
    v = v + SECONDS * (pull - POLE * half_length * turn * cosine / total)
    w = w + SECONDS * turn
    return np.stack([x + SECONDS * v, v, angle + SECONDS * w, w], axis=-1)


# A policy is a table [x, v, angle, w] of forces. Between its points it is interpolated, linearly in each
# direction; beyond its ends the nearest end counts. The angle goes round.
PLACES = np.linspace(-TRACK, TRACK, 9)
SPEEDS = np.linspace(-6, 6, 13)
ANGLES = np.linspace(-np.pi, np.pi, 72, endpoint=False)
TURNS = np.linspace(-12, 12, 33)
SHAPE = tuple(map(len, (PLACES, SPEEDS, ANGLES, TURNS)))


def looked_up(table: np.ndarray, state: np.ndarray) -> np.ndarray:
    """The force for each state [S, 4]."""
    corners, weights = [], []
    for axis, points in enumerate((PLACES, SPEEDS, ANGLES, TURNS)):
        place = (state[:, axis] - points[0]) / (points[1] - points[0])
        if points is not ANGLES:
            place = np.clip(place, 0, len(points) - 1)
        below = np.floor(place).astype(int)
        share = place - below
        if points is ANGLES:
            pair = below % len(points), (below + 1) % len(points)
        else:
            pair = below, np.minimum(below + 1, len(points) - 1)
        corners.append(pair)
        weights.append((1 - share, share))
    force = np.zeros(len(state))
    for ends in np.ndindex(2, 2, 2, 2):
        index = tuple(pair[end] for pair, end in zip(corners, ends))
        part = table[index]
        for weight, end in zip(weights, ends):
            part = part * weight[end]
        force += part
    return force


def rollouts(
    table: np.ndarray,
    starts: np.ndarray,
    pushes: np.ndarray,
    half_lengths: np.ndarray | float = HALF_LENGTH,
) -> tuple[np.ndarray, np.ndarray]:
    """Run a policy from each start [S, 4], with a pole of its own, under pushes [T, S] in N.

    Returns the states [T, S, 4] and whether the cart is still on its track [T, S]. Off the track it stays
    where it left it, for good.
    """
    state, on_track = starts.copy(), np.ones(len(starts), bool)
    states, alive = np.empty((len(pushes), *state.shape)), np.empty(pushes.shape, bool)
    for step, push in enumerate(pushes):
        force = np.clip(looked_up(table, state), -FORCE, FORCE)
        state = np.where(on_track[:, None], moved(state, force + push, half_lengths), state)
        on_track = on_track & (np.abs(state[:, 0]) <= TRACK)
        states[step], alive[step] = state, on_track
    return states, alive


def random_starts(rng: np.random.Generator, count: int) -> np.ndarray:
    """States at rest or nearly so, near the middle, at angles evenly spread over the whole circle."""
    angle = (np.arange(count) + rng.uniform(size=count)) * (2 * np.pi / count) - np.pi
    near = rng.uniform(-1, 1, (count, 3)) * [0.5, 0.5, 0.5]  # m, m/s, rad/s
    return np.stack([near[:, 0], near[:, 1], angle, near[:, 2]], axis=1)


def random_pushes(rng: np.random.Generator, steps: int, count: int) -> np.ndarray:
    return rng.normal(0, PUSH, (steps, count))


# --- for policy.py --------------------------------------------------------------------------------


def rng() -> np.random.Generator:
    """Where all randomness of policy.py comes from, if it has any: another seed in every trial."""
    return np.random.default_rng(int(os.environ.get("MOVE37_SEED") or 0))


def grid() -> tuple[np.ndarray, ...]:
    """The place, speed, angle and angular speed of every point of the table, each of shape `SHAPE`."""
    return tuple(np.meshgrid(PLACES, SPEEDS, ANGLES, TURNS, indexing="ij"))


def save(table) -> None:
    """Leave a table of forces in N, of shape `SHAPE`, where the judge finds it."""
    if np.shape(table) != SHAPE:
        raise ValueError(f"a policy is a table of shape {SHAPE}, not {np.shape(table)}")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "policy.f32").write_bytes(np.asarray(table, "<f4").tobytes())


# --- the judge: trusts nothing that train.py left behind ------------------------------------------

STARTS = 288
SECTORS = 24  # of the circle, from which the pole starts: units of the score
HELD_OUT = (0.33, SHORTEST), (LONGEST, 0.7)  # half lengths of poles that are never searched on


class Malformed(Exception):
    """A policy that cannot be run; says why, in one sentence."""


def read(path: Path) -> np.ndarray:
    """A table of forces. Raises `Malformed`. The file is bytes: float32 and nothing else."""
    wanted = 4 * int(np.prod(SHAPE))
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise Malformed("it is not a regular file")
        if found.st_size != wanted:
            raise Malformed(f"it has {found.st_size:,} bytes; a table of {SHAPE} has {wanted:,}")
        content = path.read_bytes()
    except FileNotFoundError:
        raise Malformed("policy.py left no such file; it must end with prepare.save(...)") from None
    table = np.frombuffer(content, "<f4").astype(np.float64).reshape(SHAPE)
    if not (np.abs(table) <= 1e6).all():  # not-a-number is not, either
        raise Malformed("not all of it are numbers from -1e6 to 1e6")
    return np.clip(table, -FORCE, FORCE)


def upright(table: np.ndarray, purpose: str, shortest: float, longest: float) -> np.ndarray:
    """By start, the share of time in which the pole is within 12 degrees and the cart on its track."""
    split = os.environ.get("MOVE37_SPLIT", "0")
    text = f"{SECRET.read_text()} {purpose} {shortest} {split}"
    draw = np.random.default_rng(int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big"))
    starts, half_lengths = random_starts(draw, STARTS), draw.uniform(shortest, longest, STARTS)
    states, alive = rollouts(table, starts, random_pushes(draw, STEPS, STARTS), half_lengths)
    return ((np.cos(states[..., 2]) > UPRIGHT) & alive).mean(axis=0)


def build() -> None:
    """Draw the secret. Safe to repeat: one that is there is left alone."""
    if not SECRET.exists():
        SECRET.parent.mkdir(exist_ok=True)
        half = SECRET.with_name("half")
        half.write_text(secrets.token_hex(16))
        half.replace(SECRET)


def score() -> None:
    """Print how long the policy holds the pole upright, and leave it by where the pole started."""
    try:
        policy = read(OUT / "policy.f32")
    except Malformed as error:
        sys.exit(f"policy.f32: {error}")
    shares = upright(policy, "validation", SHORTEST, LONGEST).reshape(SECTORS, -1).mean(axis=1)
    width = 360 // SECTORS
    units = {f"from {i * width - 180} degrees": float(share) for i, share in enumerate(shares)}
    (OUT / "units.json").unlink(missing_ok=True)  # the run may have left a link there
    with (OUT / "units.json").open("x") as file:
        json.dump(units, file)
    print(f"upright: {shares.mean():.6f}")
    if os.environ.get("MOVE37_HOLDOUT") == "1":
        held = [upright(policy, "holdout", *lengths).mean() for lengths in HELD_OUT]
        print(f"holdout_upright: {np.mean(held):.6f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["score"]:
            score()
        case _:
            sys.exit("usage: python prepare.py [score]")
