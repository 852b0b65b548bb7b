"""Studies for the pages, written fact by fact: as large, as lucky and as hostile as a test wants them."""

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

from move37.app import STUDY
from move37.core.facts import (
    CertificationOpened,
    Certified,
    EpochStarted,
    Fact,
    Opened,
    Posted,
    Proposed,
    Rejected,
    SessionStarted,
    Tried,
)
from move37.core.records import Belief, Failed, Guess, Interval, Link, Measured, Trial
from move37.store import codec
from move37.store.sqlite import SqliteStore
from move37.tasks.document import to_mapping
from move37.tasks.toml import load_task

TASK = """\
name = "{name}"
goal = "Lower the validation loss of a small model without making it slower."
[files]
edit = ["train.py"]
[evaluate]
run = "python train.py"
timeout = "30s"
[metric]
name = "val_loss"
goal = "minimize"
[budget]
experiments = 100000
"""
PROGRAM = "learning_rate = 0.01\nwidth = 64\nmomentum = 0.5\n"
HOSTILE = "<script>alert(1)</script>\"'&\u202e\x1b[31m</title>{{ 7*7 }}"
_PROPOSERS = ("tune", "llm", "agent", "merge", "queue")
_WHY = (
    "a lower learning rate lets the last layers settle",
    "a wider first layer sees more of the input",
    "momentum of 0.9 smooths the noise of small batches",
    "warm up for ten steps before the full rate",
    "tie the embeddings: fewer parameters to learn",
)


def write_study(
    directory: Path, experiments: int, *, seed: int = 0, hostile: bool = False, name: str = "loss"
) -> Path:
    """A study with so many experiments, as if an engine had worked on it and was gone."""
    directory.mkdir(parents=True)
    (directory / "move37.toml").write_text(TASK.format(name=name))
    (directory / "train.py").write_text(PROGRAM)
    task = load_task(directory)
    with SqliteStore.open(directory / STUDY, write=True) as store:
        commit = store.code.snapshot(directory, ["train.py", "move37.toml"])
        store.code.keep(0, commit)
        began = EpochStarted(
            epoch=0,
            fingerprint="made-up",
            task=to_mapping(task),
            baseline=0,
            commit=commit,
            identity="baseline",
            seed=seed,
        )
        store.append(began, {})
        commits = [commit]
        for width in range(min(experiments, 40)):
            text = PROGRAM.replace("64", str(65 + width)) + (HOSTILE if hostile else "")
            commits.append(store.code.commit([commit], {"train.py": text.encode()}, f"x{width}"))
            store.code.keep(width + 1, commits[-1])
    _pour(directory / STUDY / "study.db", _facts(experiments, commits, Random(seed), hostile))
    return directory


def _facts(
    experiments: int, commits: list[str], random: Random, hostile: bool
) -> Iterator[tuple[float, Fact]]:
    """Each with how many seconds it came after the one before."""
    odd = HOSTILE if hostile else ""
    yield 1.0, SessionStarted(version="0.1.0", workers=2, sandbox="B, bubblewrap")
    values, certified = [3.2], 0
    good = [0]
    for index in range(4):
        yield 2.0, _tried(0, "search", index, 3.2 + random.gauss(0, 0.02))
    for id in range(1, experiments + 1):
        parent = good[-1] if random.random() < 0.7 else random.choice(good[-40:])
        proposer = odd or _PROPOSERS[id % len(_PROPOSERS)]
        yield 0.2, Opened(experiment=id, epoch=0, parents=(parent,), proposer=proposer, seed=id)
        if random.random() < 0.06:
            failed = Failed(stage="propose", reason=odd or "it was tried before")
            yield 0.1, Rejected(experiment=id, failed=failed)
            values.append(math.inf)
            continue
        rare = id > 60 and id % 97 == 0
        yield (
            0.1,
            Proposed(
                experiment=id,
                commit=commits[id % len(commits)] if id < len(commits) else commits[0],
                identity=f"i{id}",
                move=odd or f"tune.{('number', 'choice', 'statement')[id % 3]}",
                hypothesis=odd or f"{_WHY[id % len(_WHY)]} (try {id})",
                predicted_effect=random.gauss(0.01, 0.01),
                prior=0.01 if rare else random.uniform(0.2, 0.9),
                usd=0.004 if proposer in ("llm", "agent") else 0.0,
                size=random.randint(1, 12),
                guess=Guess(
                    mean=0.0, sd=0.02, fails=0.1, prior=0.01 if rare else 0.5, learned_from=id - 1
                ),
            ),
        )
        if random.random() < 0.08:
            failure = Failed(stage="run", reason=odd or "it exited with 1", output=odd or "boom")
            trial = Trial(purpose="search", index=0, seed=id, outcome=failure)
            yield 1.0, Tried(experiment=id, trial=trial)
            values.append(math.inf)
            continue
        step = 0.35 * values[parent] * (0.02 if rare else 0.006)
        value = (
            values[parent] - step if random.random() < 0.1 or rare else values[parent] + 3 * step
        )
        values.append(value)
        yield 1.5, _tried(id, "search", 0, value + random.gauss(0, 0.02))
        if value < values[good[-1]]:
            good.append(id)
            if rare or (certified < 3 and id > experiments // 2):
                yield from _certified(certified, id, values[0] - value, odd)
                certified += 1
    for post in range(1, min(4, experiments + 1)):
        yield (
            1.0,
            Posted(
                post=post,
                ticket=f"t{post}",
                kind="idea",
                text=odd or f"x{post} is slower than it looks",
                author=odd or "ada",
                role="person",
                taint="person",
                links=(Link(experiment=post),),
            ),
        )


def _tried(id: int, purpose: str, index: int, value: float) -> Tried:
    outcome = Measured(
        score=-value,
        metrics={"val_loss": value},
        seconds=1.5,
        cpu_seconds=1.4,
        peak_memory_mb=64.0,
    )
    assert purpose in ("search", "certify")
    kind = "search" if purpose == "search" else "certify"
    return Tried(experiment=id, trial=Trial(purpose=kind, index=index, seed=index, outcome=outcome))


def _certified(number: int, id: int, effect: float, odd: str) -> Iterator[tuple[float, Fact]]:
    yield (
        0.1,
        CertificationOpened(
            certification=number, experiment=id, baseline=0, believed=Belief(effect, 0.01), pairs=8
        ),
    )
    margin = 0.02
    yield (
        8.0,
        Certified(
            certification=number,
            experiment=id,
            baseline=0,
            effect=Interval(
                effect=effect, low=effect - margin, high=effect + margin, level=0.95, pairs=8
            ),
            baseline_score=-3.2,
            holdout=None,
            holdout_baseline_score=None,
            claim=effect > margin,
            reason=odd or "8 pairs of fresh trials",
        ),
    )


def _pour(path: Path, facts: Iterator[tuple[float, Fact]]) -> None:
    """As the store appends them, but all in one transaction."""
    db = sqlite3.connect(path)
    seq, digest, at = db.execute("SELECT seq, digest, at FROM facts ORDER BY seq DESC").fetchone()
    rows: list[tuple[int, float, str, int | None, str, bytes]] = []
    for later, fact in facts:
        seq, at = seq + 1, at + later
        body, kind = codec.encode(fact), codec.kind_of(fact)
        digest = codec.chain(digest, seq, at, kind, body)
        rows.append((seq, at, kind, codec.experiment_of(fact), body.decode(), digest))
    db.executemany("INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.commit()
    db.close()
