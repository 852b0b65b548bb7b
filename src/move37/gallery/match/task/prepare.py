"""Draws the machine that is to be found, and judges what a guess of it says. No candidate may change this file.

    python prepare.py             draws a machine by lot, and builds data/ and holdout/
    python -P prepare.py score    compares the states in $MOVE37_OUT with its own, prints agreement

The machine is another one in each directory, and is written down in holdout/ alone: nobody who has read this
repository knows it. `MOVE37_MATCH` in the environment of the first command fixes the lot, for tests and records.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
DATA, HOLDOUT = HERE / "data", HERE / "holdout"
EVALUATOR_VERSION = 1
WIDTH, NUMBERS = 64, 8
CASES = {"examples": 32, "search": 96, "holdout": 96}
TURNED = 8
"""So many of the 32 entries are other ones in every second step."""
LARGEST = 1 << 18
"""What a run leaves is no longer, in bytes: it is 13 KB."""


# --- the machine ----------------------------------------------------------------------------------


def draw(dice: Random) -> dict:
    """A machine with as many ones as zeros in its first table."""
    even = [0, 1] * 16
    dice.shuffle(even)
    turned = dice.sample(range(32), TURNED)
    odd = [bit ^ (index in turned) for index, bit in enumerate(even)]
    return {"even": even, "odd": odd, "border": dice.choice(["zero", "wrap", "mirror"])}


def follows(machine: dict, case: dict) -> str:
    """The state that follows."""
    now, before = case["now"], case["before"]
    ends = {
        "zero": ("00", "00"),
        "wrap": (now[-2:], now[:2]),
        "mirror": (now[1::-1], now[:-3:-1]),
    }
    left, right = ends[machine["border"]]
    row = left + now + right
    table = machine["odd" if case["number"] % 2 else "even"]
    after = [table[int(row[at : at + 5], 2)] for at in range(WIDTH)]
    return "".join(str(new ^ int(old)) for new, old in zip(after, before, strict=True))


# --- building -------------------------------------------------------------------------------------


def build() -> None:
    """Write what is missing. Safe to repeat: a machine that was drawn stays."""
    DATA.mkdir(exist_ok=True)
    HOLDOUT.mkdir(exist_ok=True)
    hidden, shown = HOLDOUT / "machine.json", (DATA / "cases.json", DATA / "examples.json")
    if hidden.exists() and all(path.exists() for path in shown):
        return
    lot = os.environ.get("MOVE37_MATCH") or secrets.token_hex(16)
    machine, dice = draw(Random(f"machine {lot}")), Random(f"cases {lot}")
    made = {kind: [_case(dice) for _ in range(count)] for kind, count in CASES.items()}
    examples = [{**case, "after": follows(machine, case)} for case in made.pop("examples")]
    for path, content in zip((*shown, hidden), (made, examples, machine), strict=True):
        half = path.with_suffix(".half")
        half.write_text(json.dumps(content))
        half.rename(path)


def _case(dice: Random) -> dict:
    """Two states by chance, or the beginning, when there is none before."""
    number = dice.randrange(NUMBERS)
    begins = number == 0 or dice.random() < 0.4
    return {
        "before": "0" * WIDTH if begins else _state(dice),
        "now": _state(dice),
        "number": number,
    }


def _state(dice: Random) -> str:
    return "".join(dice.choice("01") for _ in range(WIDTH))


# --- judging --------------------------------------------------------------------------------------


class Refused(Exception):
    """Why what a run left gets no number, in one sentence."""


def score() -> None:
    """Print the share of cells that are right, over all cases of the search."""
    out = Path(os.environ.get("MOVE37_OUT", HERE / "out"))
    out.mkdir(parents=True, exist_ok=True)
    (out / "units.json").unlink(missing_ok=True)
    machine = json.loads((HOLDOUT / "machine.json").read_text())
    cases = json.loads((DATA / "cases.json").read_text())
    try:
        left = _load(out / "states.json")
        units = _agreements(machine, cases["search"], left, "search")
        held = None
        if os.environ.get("MOVE37_HOLDOUT"):
            held = _agreements(machine, cases["holdout"], left, "holdout")
    except Refused as refused:
        sys.exit(f"the states cannot be judged: {refused}")
    (out / "units.json").write_text(json.dumps(units))
    print(f"agreement: {sum(units.values()) / len(units):.6f}")
    if held is not None:
        print(f"holdout_agreement: {sum(held.values()) / len(held):.6f}")


def _load(path: Path) -> dict:
    if path.is_symlink() or not path.is_file():
        raise Refused(f"run.py left no {path.name}")
    if path.stat().st_size > LARGEST:
        raise Refused(f"{path.name} is larger than {LARGEST} bytes")
    try:
        left = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path.name} is no JSON: {str(error)[:80]}") from None
    if not isinstance(left, dict):
        raise Refused(f"{path.name} is no object")
    return left


def _agreements(machine: dict, cases: list[dict], left: dict, kind: str) -> dict[str, float]:
    """By case: the share of its cells that are right."""
    said = left.get(kind)
    if not isinstance(said, list) or len(said) != len(cases):
        raise Refused(f"{kind!r} has to be a list of {len(cases)} states")
    return {
        f"case {number}": _agreement(follows(machine, case), said[number], f"{kind!r}, {number}")
        for number, case in enumerate(cases)
    }


def _agreement(right: str, said: object, where: str) -> float:
    if not isinstance(said, str) or len(said) != WIDTH or not set(said) <= {"0", "1"}:
        raise Refused(f"{where}: a state is {WIDTH} zeros and ones")
    return sum(one == other for one, other in zip(said, right, strict=True)) / WIDTH


if __name__ == "__main__":
    score() if sys.argv[1:] == ["score"] else build()
