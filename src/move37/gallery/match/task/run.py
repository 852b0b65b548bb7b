"""Lets the machine take one step in each case, and leaves the states that follow. Fixed."""

import json
import os
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent


def main() -> None:
    cases = json.loads((HERE / "data" / "cases.json").read_text())
    left = {kind: [follows(case) for case in cases[kind]] for kind in ("search", "holdout")}
    out = Path(os.environ.get("MOVE37_OUT", HERE / "out"))
    out.mkdir(parents=True, exist_ok=True)
    (out / "states.json").write_text(json.dumps(left))


def follows(case: dict) -> str:
    """The state that follows, spelled as the others are."""
    before, now = ([int(bit) for bit in case[name]] for name in ("before", "now"))
    return "".join(str(int(bit)) for bit in machine.step(before, now, case["number"]))


if __name__ == "__main__":
    main()
