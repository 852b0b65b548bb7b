"""Real studies of a real program in which nothing can be found: engine, sandbox, proposer and all."""

from collections.abc import Callable
from pathlib import Path

from move37.bench.referee_claims import NullRate
from move37.core.seeds import derive_seed

Run = Callable[[Path, int], bool]
"""(directory, seed) -> run the task there from start to certificate; whether it claims anything."""

_TASK = """\
goal = "Raise a score that is nothing but noise."

[files]
edit = ["knobs.toml"]

[evaluate]
run = "sh measure.sh"
timeout = "20s"

[metric]
name = "score"
goal = "maximize"

[budget]
experiments = {experiments}
"""
_KNOBS = """\
rate = 0.1
width = 64
depth = 4
momentum = 0.9
decay = 0.01
warmup = 100
"""
# Twelve uniform numbers less six are as good as normal. The generator is left to run in: its first
# numbers are alike for seeds that are. What is read decides, with the seed, and means nothing.
_MEASURE = """\
sum=$(cksum < knobs.toml | cut -d ' ' -f 1)
awk -v seed="$MOVE37_SEED" -v sum="$sum" 'BEGIN {
  srand((seed % 30011) * 65537 + sum % 65521)
  for (i = 0; i < 50; i++) rand()
  total = -6
  for (i = 0; i < 12; i++) total += rand()
  printf "score: %.6f\\n", 10 + total
}'
"""


def engine_nulls(
    run: Run, directory: Path, *, studies: int, experiments: int, seed: int
) -> NullRate:
    """Run so many studies, each in a directory of its own below this one."""
    claims = 0
    for study in range(studies):
        root = directory / f"study{study}"
        root.mkdir()
        (root / "move37.toml").write_text(_TASK.format(experiments=experiments))
        (root / "knobs.toml").write_text(_KNOBS)
        (root / "measure.sh").write_text(_MEASURE)
        claims += run(root, derive_seed(seed, "engine", study))
    return NullRate(studies=studies, claims=claims)
