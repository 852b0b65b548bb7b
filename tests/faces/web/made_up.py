"""Studies for the pages, written fact by fact: as large, as lucky and as hostile as a test wants them."""

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

from move37.app import STUDY
from move37.core.facts import (
    Answered,
    Asked,
    CertificationOpened,
    Certified,
    EpochStarted,
    EvaluatorChecked,
    Fact,
    Opened,
    Posted,
    Proposed,
    Rejected,
    SessionStarted,
    Tried,
)
from move37.core.records import (
    Belief,
    Failed,
    Finding,
    Guess,
    Interval,
    Link,
    Measured,
    Repeats,
    Trial,
)
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
[also]
size_kb = "minimize"
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
    aside = Random(37)  # what came later leaves the rest as it was
    odd = HOSTILE if hostile else ""
    yield 1.0, SessionStarted(version="0.1.0", workers=2, sandbox="B, bubblewrap")
    values, certified = [3.2], 0
    good = [0]
    for index in range(4):
        yield 2.0, _tried(0, "search", index, 3.2 + random.gauss(0, 0.02))
    yield 1.0, _checked(odd)
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
        if proposer == "llm":
            model = odd or "small-model"
            yield 0.1, Asked(experiment=id, round=0, model=model, usd_at_most=0.01)
            yield (
                2.0,
                Answered(
                    experiment=id,
                    round=0,
                    model=model,
                    usd=0.004,
                    tokens_in=2100,
                    tokens_out=310,
                    seconds=2.0,
                ),
            )
        yield (
            0.1,
            Proposed(
                experiment=id,
                commit=commits[id % len(commits)] if id < len(commits) else commits[0],
                identity=f"i{id}",
                move=f"tune.{odd or ('number', 'choice', 'statement')[id % 3]}",
                hypothesis=odd or f"{_WHY[id % len(_WHY)]} (try {id})",
                predicted_effect=random.gauss(0.01, 0.01),
                prior=0.01 if rare else random.uniform(0.2, 0.9),
                detail={"sites": _turned(id, aside, odd)} if not odd or id % 2 else {},
                usd=0.004 if proposer == "agent" else 0.0,
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
        yield 1.5, _tried(id, "search", 0, value + random.gauss(0, 0.02), odd)
        if id % 7 == 0:
            yield 1.5, _tried(id, "search", 1, value + aside.gauss(0, 0.02), odd)
        if value < values[good[-1]]:
            good.append(id)
            if (rare and certified < 12) or (certified < 3 and id > experiments // 2):
                yield from _certified(certified, id, values[0] - value, odd)
                certified += 1
    for post in range(1, min(4, experiments + 1)):
        yield (
            1.0,
            Posted(
                post=post,
                ticket=f"t{post}",
                kind=("hypothesis", "finding", "lesson")[post % 3],
                text=odd or f"x{post} is slower than it looks, by 3 %",
                author=odd or "ada",
                role="person",
                taint="person",
                reply_to=1 if post == 3 else None,
                effect=0.01 if post == 1 else None,
                links=(Link(experiment=post),),
            ),
        )


def _turned(id: int, random: Random, odd: str) -> list[list[str]]:
    """What `tune` says that it turned: one constant, or two."""
    names = (odd or "train.py:learning_rate", "train.py:width", "train.py:activation")
    values = (f"{10 ** random.uniform(-4, -1):.4g}", str(random.randint(8, 256)), "'tanh'")
    first = id % 3
    turned = [[names[first], odd or "0.01", odd or values[first]]]
    return turned if id % 4 else [*turned, [names[(first + 1) % 3], "64", values[(first + 1) % 3]]]


def _checked(odd: str) -> EvaluatorChecked:
    return EvaluatorChecked(
        experiment=0,
        grade="C",
        reason=odd or "the program reports its own metric",
        scored=False,
        sandbox="B, bubblewrap",
        repeats=Repeats(
            finished=4,
            failed=0,
            mean=-3.2,
            sd=0.02,
            drift=None,
            repeats_exactly=True,
            seconds=1.5,
            peak_memory_mb=64.0,
        ),
        findings=(
            Finding(
                probe="print and exit",
                believed=True,
                false_metric=True,
                told=odd or "a perfect metric that the program prints is believed",
                advice=odd or "let a trusted `score` print the metric",
            ),
            Finding(
                probe="network",
                believed=False,
                false_metric=False,
                told="it did not reach the network",
            ),
        ),
    )


def _tried(id: int, purpose: str, index: int, value: float, odd: str = "") -> Tried:
    outcome = Measured(
        score=-value,
        metrics={
            "val_loss": value,
            "size_kb": 40 + (id * 37) % 23 - 4 * value,
            odd or "steps": id % 9,
        },
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
