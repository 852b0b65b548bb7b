"""`bench tune`: `tune`, which finds what can be turned by itself, beside Optuna with a space written by hand.

On tasks of the gallery. Optuna has twice the evaluations, and is told names, ranges and scales. What each
recommends is measured again, on seeds that neither has seen, in pairs with the task as it is.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from move37.core.errors import TaskError
from move37.core.seeds import derive_seed

Range = tuple[str, float, float] | tuple[str, Sequence[object]]
"""`("int" | "log int" | "float" | "log", low, high)`, or `("choice", options)`."""
Spelling = Mapping[str, object]
"""A value for each constant."""
Tune = Callable[[Path, int, int], str]
"""(directory of the task, experiments, seed) -> the program that `tune` recommends."""

_FRESH = 1_000_000
"""Seeds from here on are nobody's but ours."""
_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """One task, and the space that a person would write for it."""

    name: str
    edit: str
    run: str
    metric: str
    space: Mapping[str, Range]
    budget_seconds: float | None = None
    """Of training, instead of the task's own; `None`: as the task says."""


CONTESTS: tuple[Contest, ...] = (
    Contest(
        name="tabular",
        edit="model.py",
        run="evaluate.py",
        metric="val_mae",
        space={
            "STANDARDISE": ("choice", (False, True)),
            "SQUARES": ("choice", (False, True)),
            "PRODUCTS": ("choice", (False, True)),
            "RIDGE": ("log", 1e-5, 10.0),
            "NEIGHBOURS": ("log int", 1, 100),
            "NEAR_POWER": ("float", 0.0, 4.0),
            "SHARE": ("float", 0.0, 1.0),
            "BAGS": ("log int", 1, 20),
            "BAG_FRACTION": ("float", 0.2, 1.0),
            "SHRINK": ("float", 0.5, 1.2),
        },
    ),
    Contest(
        name="bpb",
        edit="train.py",
        run="train.py",
        metric="val_bpb",
        budget_seconds=0.5,
        space={
            "CONTEXT": ("int", 2, 8),
            "EMBEDDING": ("log int", 4, 64),
            "HIDDEN": ("log int", 16, 256),
            "ACTIVATION": ("choice", ("tanh", "relu", "leaky_relu", "elu", "gelu", "silu")),
            "EMBEDDING_SCALE": ("log", 0.01, 3.0),
            "WEIGHT_SCALE": ("log", 0.1, 3.0),
            "BATCH_SIZE": ("log int", 8, 256),
            "OPTIMIZER": ("choice", ("momentum", "rmsprop", "adam", "nadam")),
            "LEARNING_RATE": ("log", 1e-4, 3e-2),
            "BETA1": ("float", 0.5, 0.98),
            "BETA2": ("float", 0.9, 0.9995),
            "DECAY": ("choice", (False, True)),
            "AVERAGE_STEPS": ("log int", 1, 300),
        },
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One repetition on one task: what each side ends with, on fresh seeds. Lower is better."""

    task: str
    start: Sequence[float]
    tune: Sequence[float]
    optuna: Sequence[float]

    @property
    def gain_tune(self) -> float:
        return fmean(self.start) - fmean(self.tune)

    @property
    def gain_optuna(self) -> float:
        return fmean(self.start) - fmean(self.optuna)

    @property
    def ahead(self) -> Sequence[float]:
        """By how much `tune` is better, seed by seed."""
        return [theirs - ours for ours, theirs in zip(self.tune, self.optuna, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneResult:
    """What `bench tune` found."""

    settings: Mapping[str, Any]
    pairs: Sequence[Pair] = field(default_factory=list[Pair])

    def _of(self, task: str) -> list[Pair]:
        return [pair for pair in self.pairs if pair.task == task]

    @property
    def tasks(self) -> Sequence[str]:
        return list(dict.fromkeys(pair.task for pair in self.pairs))

    @property
    def figures(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for task in self.tasks:
            pairs = self._of(task)
            ours, theirs = (
                fmean(pair.gain_tune for pair in pairs),
                fmean(pair.gain_optuna for pair in pairs),
            )
            ahead = [fmean(pair.ahead) for pair in pairs]
            within = [stdev(pair.ahead) / sqrt(len(pair.ahead)) for pair in pairs]
            error = stdev(ahead) / sqrt(len(ahead)) if len(ahead) > 1 else within[0]
            found |= {
                f"tune_gain_ratio_{task}": ours / theirs if theirs > 0 else float("inf"),
                f"tune_value_ratio_{task}": fmean(fmean(pair.tune) for pair in pairs)
                / fmean(fmean(pair.optuna) for pair in pairs),
                f"tune_gain_{task}": ours,
                f"optuna_gain_{task}": theirs,
                f"tune_ahead_{task}": fmean(ahead),
                f"tune_ahead_se_{task}": error,
            }
        found["tune_gain_ratio_min"] = min(found[f"tune_gain_ratio_{task}"] for task in self.tasks)
        return found

    def table(self) -> str:
        """For people."""
        told = self.settings
        lines = [
            f"tune has {told['evaluations']} evaluations and the files; Optuna's TPE has "
            f"{2 * told['evaluations']} and ranges written by hand; {told['repetitions']} repetition(s), "
            f"each result measured on {told['fresh']} fresh seeds. Lower is better",
            "",
            f"{'task':<9} {'start':>9} {'tune':>9} {'optuna':>9} {'tune ahead':>20}",
        ]
        for task in self.tasks:
            pairs, figures = self._of(task), self.figures
            start, ours, theirs = (
                fmean(fmean(getattr(pair, side)) for pair in pairs)
                for side in ("start", "tune", "optuna")
            )
            ahead, error = figures[f"tune_ahead_{task}"], figures[f"tune_ahead_se_{task}"]
            lines.append(
                f"{task:<9} {start:>9.4f} {ours:>9.4f} {theirs:>9.4f} {ahead:>+11.4f} ± {1.96 * error:.4f}"
            )
        return "\n".join(lines)


def tune_beside_optuna(
    tune: Tune,
    install: Callable[[str, Path], None],
    directory: Path,
    *,
    evaluations: Mapping[str, int],
    repetitions: int,
    fresh: int,
    seed: int,
    contests: Sequence[Contest] = CONTESTS,
    tell: Callable[[str], None] = lambda line: None,
) -> TuneResult:
    """Run the contest.

    tune: runs it; install: puts a gallery task into a directory. evaluations: of `tune`, by task; a
    task without any is left out. fresh: seeds for the last word, 2 or more.
    """
    pairs: list[Pair] = []
    for contest in contests:
        if contest.name not in evaluations:
            continue
        for repetition in range(repetitions):
            place = directory / f"{contest.name}-{repetition}"
            luck = derive_seed(seed, contest.name, repetition)
            pairs.append(
                _contest(contest, tune, install, place, evaluations[contest.name], fresh, luck)
            )
            tell(
                f"{contest.name} {repetition}: {pairs[-1].gain_tune:.4f} {pairs[-1].gain_optuna:.4f}"
            )
    least = min(evaluations.values())
    settings = {
        "evaluations": least,
        "repetitions": repetitions,
        "fresh": fresh,
        "seed": seed,
        **{f"evaluations_{name}": count for name, count in evaluations.items()},
        **{
            f"budget_seconds_{contest.name}": contest.budget_seconds
            for contest in contests
            if contest.budget_seconds is not None and contest.name in evaluations
        },
    }
    return TuneResult(settings=settings, pairs=pairs)


def _contest(
    contest: Contest,
    tune: Tune,
    install: Callable[[str, Path], None],
    place: Path,
    evaluations: int,
    fresh: int,
    seed: int,
) -> Pair:
    ours, theirs = place / "tune", place / "optuna"
    for directory in (ours, theirs):
        install(contest.name, directory)
        if contest.budget_seconds is not None:
            _set(directory / "prepare.py", {"BUDGET_SECONDS": contest.budget_seconds})
    start = (theirs / contest.edit).read_text(encoding="utf-8")
    found = tune(ours, evaluations, seed)
    best = _optuna(contest, theirs, start, 2 * evaluations, seed)
    seeds = [derive_seed(seed, "fresh", index) % _FRESH + _FRESH for index in range(fresh)]

    def values(program: str) -> Sequence[float]:
        (theirs / contest.edit).write_text(program, encoding="utf-8")
        measured = [_measure(contest, theirs, each) for each in seeds]
        if None in measured:
            raise TaskError(f"bench tune: a recommended program of {contest.name!r} failed")
        return [value for value in measured if value is not None]

    return Pair(task=contest.name, start=values(start), tune=values(found), optuna=values(best))


def _optuna(contest: Contest, directory: Path, start: str, evaluations: int, seed: int) -> str:
    """The best program of so many trials; the first of them is the program as it is."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed % 2**31)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    best, least = start, float("inf")
    for _ in range(evaluations):
        trial = study.ask()
        program = respelled(
            start, {name: _ask(trial, name, r) for name, r in contest.space.items()}
        )
        (directory / contest.edit).write_text(program, encoding="utf-8")
        value = _measure(contest, directory, 0)
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        study.tell(trial, value)
        if value < least:
            best, least = program, value
    return best


def _ask(trial: Any, name: str, range_: Range) -> object:
    match range_:
        case ("choice", options):
            return trial.suggest_categorical(name, list(options))
        case ("int" | "log int" as kind, float() | int() as low, high):
            return trial.suggest_int(name, int(low), int(high), log=kind == "log int")
        case (kind, low, high):
            return trial.suggest_float(name, low, high, log=kind == "log")
        case _:
            raise AssertionError(f"{name} has a range of no known kind")


def respelled(program: str, values: Spelling) -> str:
    """The program with these constants. Raises `TaskError` where it has none of that name."""
    for name, value in values.items():
        line = re.compile(rf"^{name} = [^#\n]*?(?=\s*(?:#|$))", re.MULTILINE)
        program, count = line.subn(lambda _, n=name, v=value: f"{n} = {v!r}", program)
        if count != 1:
            raise TaskError(f"bench tune: {count} constants are called {name!r}; there must be one")
    return program


def _set(path: Path, values: Spelling) -> None:
    path.write_text(respelled(path.read_text(encoding="utf-8"), values), encoding="utf-8")


def _measure(contest: Contest, directory: Path, seed: int) -> float | None:
    """One evaluation, unfenced: the programs are ours, but for their constants. `None`: it failed."""
    environment = {
        **os.environ,
        "MOVE37_SEED": str(seed),
        "MOVE37_SPLIT": str(seed),
        "MOVE37_OUT": str(directory / "out"),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    }
    commands = ([contest.run], ["-P", "prepare.py", "score"])
    for command in commands:
        try:
            done = subprocess.run(
                [sys.executable, *command],
                cwd=directory,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        found = re.search(rf"^{contest.metric}: (\S+)", done.stdout, re.MULTILINE)
        if found:
            value = float(found[1])
            return value if abs(value) < float("inf") else None
    return None
