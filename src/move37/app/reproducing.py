"""`verify BUNDLE` and `reproduce BUNDLE`: what a stranger's bundle states, computed and measured again.

A bundle may come from anybody. It is looked over as a whole before any of it is written, into a private directory
that is gone afterwards; its programs run in the sandbox that holds here, whatever its task asks for.
"""

import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from move37.app.bundling import table_of
from move37.app.reporting import morning_of
from move37.app.study import STUDY, Study, read_study
from move37.app.verify import verify_study
from move37.core.errors import Refused, StudyError
from move37.core.events import Stop
from move37.core.records import Fence, Measured, Mount, Outcome, TrialJob
from move37.core.seeds import derive_seed
from move37.report.certificates import CertificateView
from move37.report.results import Reproduced, Verified
from move37.store.bundle import facts_of, manifest_of, objects_of, read_bundle, unpack_study
from move37.store.git import GitCode

LEVEL = 0.95
_LEAST_PAIRS, _USUAL_PAIRS = 5, 8
_CLOSE = 1e-6
"""Figures agree to this share of the larger one: sums may be taken in another order elsewhere."""
_NOT_FITTING = (
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
)
"""What folding facts raises that no engine wrote."""

_MOST_DIFFERENCES = 20

Told = Callable[[str], None]


def verify_bundle(path: Path) -> Verified:
    """Compute the table of a bundle again from its facts. Raises `Refused` for what is no bundle."""
    with _opened(path) as (root, manifest), _one_sentence(path):
        found = verify_study(root, manifest.programs)
        with read_study(root) as study:
            again = table_of(study, morning_of(study))
        differences = _differences(manifest.table, again)
        figures = found.figures + sum(1 for _ in _leaves("table", again))
        return Verified(
            facts=found.facts, figures=figures, mismatches=(*found.mismatches, *differences)
        )


def reproduce(
    path: Path,
    *,
    pairs: int | None = None,
    seed: int | None = None,
    sandbox: str | None = None,
    grant: bool = False,
    told: Told = lambda line: None,
    stop: Stop | None = None,
) -> Reproduced | None:
    """Measure a bundle's champion and baseline in turn, on fresh seeds, and compare with its claim.

    seed: of all seeds; `None`: drawn now. grant: whether the task may read and be told what it asks for beyond the
    sandbox's usual. told: what is going on, line by line. Returns `None` when stopped.
    """
    halt = stop or Stop()
    with _opened(path) as (root, manifest), _one_sentence(path), read_study(root) as study:
        chosen = _Chosen.of(study)
        if manifest.left_out:
            names = ", ".join(map(repr, manifest.left_out))
            raise StudyError(
                f"{path} lacks data that every trial needs: {names}; ask for a bundle with it"
            )
        measure = _bench(root, study, manifest.data, sandbox, grant)
        wanted = pairs or max(_LEAST_PAIRS, min(_USUAL_PAIRS, chosen.pairs))
        start = secrets.randbits(31) if seed is None else seed
        differences: list[float] = []
        base: list[float] = []
        failed = 0
        for index in range(wanted):
            outcomes = [
                measure(job, lambda: halt.soft)
                for job in chosen.jobs(derive_seed(start, index), index)
            ]
            if None in outcomes:
                return None
            new, old = outcomes
            if isinstance(new, Measured) and isinstance(old, Measured):
                differences.append(new.score - old.score)
                base.append(old.score)
                told(f"pair {index + 1} of {wanted}: effect {new.score - old.score:+.6g}")
            else:
                failed += 1
                told(f"pair {index + 1} of {wanted}: {_why(new, old)}")
        return _judged(study, chosen, differences, base, failed, start)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chosen:
    """What is measured again, and what was said of it."""

    experiment: int
    commit: str
    baseline: int
    baseline_commit: str
    claim: CertificateView | None
    pairs: int

    @classmethod
    def of(cls, study: Study) -> "_Chosen":
        claims = morning_of(study).claims
        claim = claims[0] if claims else None
        experiment = study.program(None if claim is None else claim.experiment)
        baseline = study.history[study.history.epochs[experiment.epoch].baseline]
        if experiment.is_baseline:
            raise StudyError("the bundle's champion is its baseline: there is nothing to reproduce")
        assert experiment.commit is not None
        assert baseline.commit is not None
        return cls(
            experiment=experiment.id, commit=experiment.commit,
            baseline=baseline.id, baseline_commit=baseline.commit,
            claim=claim, pairs=0 if claim is None else claim.pairs,
        )  # fmt: skip

    def jobs(self, seed: int, index: int) -> tuple[TrialJob, TrialJob]:
        """Equal seeds for both. What is drawn here has nothing to do with the seeds of the study."""

        def job(experiment: int, commit: str) -> TrialJob:
            return TrialJob(
                experiment=experiment,
                commit=commit,
                purpose="certify",
                index=index,
                seed=seed % 2**31,
                split=derive_seed(seed, "split") % 2**31,
                holdout=False,
            )

        return job(self.experiment, self.commit), job(self.baseline, self.baseline_commit)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Manifest:
    """What a bundle says of itself, as far as it is used here."""

    programs: frozenset[int]
    attachments: tuple[str, ...]
    left_out: tuple[str, ...]
    data: str | None
    """Commit of the linked and hidden files."""
    table: dict[str, Any]

    @classmethod
    def of(cls, told: dict[str, Any]) -> "_Manifest":
        """Raises `KeyError`, `TypeError` or `ValueError` for what no `bundle` wrote."""
        data = told["data"]
        if data is not None and not re.fullmatch("[0-9a-f]{40}", data):
            raise ValueError(f"{data!r} is no commit")
        return cls(
            programs=frozenset(map(int, told["programs"])),
            attachments=tuple(map(str, told["attachments"])),
            left_out=tuple(map(str, told["left_out"])),
            data=data,
            table=dict[str, Any](told["table"]),
        )


# --- opening -------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Generator[tuple[Path, _Manifest]]:
    """The bundle's study in a directory of ours alone, for as long as the block lasts."""
    members = read_bundle(path)
    with _one_sentence(path):
        manifest = _Manifest.of(manifest_of(members))
    folder = tempfile.mkdtemp(prefix="move37-bundle-")
    try:
        root = Path(folder) / "task"
        root.mkdir()
        with _one_sentence(path):
            attachments = {
                key: members[f"attachments/{at}"] for at, key in enumerate(manifest.attachments)
            }
            unpack_study(root / STUDY, facts_of(members), attachments, objects_of(members))
        yield root, manifest
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _one_sentence(path: Path) -> Generator[None]:
    """Facts that no engine wrote may break any rule: whatever that raises, the bundle is to blame."""
    try:
        yield
    except _NOT_FITTING as error:
        raise Refused(
            f"{path} does not fit together ({type(error).__name__}: {error}); its facts were not written by move37"
        ) from error


def _bench(
    root: Path, study: Study, data: str | None, sandbox: str | None, grant: bool
) -> Callable[[TrialJob, Callable[[], bool]], Outcome | None]:
    """Where a program is measured: fenced in by the strongest sandbox there is here."""
    from move37.sandbox import probe
    from move37.store.snapshot import list_files
    from move37.tasks.files import resolve
    from move37.tasks.shims import shim_mounts
    from move37.worker import Measuring, Workplace

    task = study.task
    if (task.fence.read or task.fence.env) and not grant:
        names = ", ".join(map(repr, (*task.fence.read, *task.fence.env)))
        raise StudyError(
            f"the bundle's task asks to read or to be told {names} of this machine; look at it, then say `--grant`"
        )
    # Whatever a stranger's task says, never less of a fence than the strongest there is, unless it is asked for here.
    fence = Fence(level=sandbox or "auto", read=task.fence.read, env=task.fence.env)  # pyright: ignore[reportArgumentType]
    strength = probe(fence)
    fence = replace(fence, level={"A": "root", "B": "user", "E": "plain"}[strength.level])  # pyright: ignore[reportArgumentType]
    code = study.store.code
    assert isinstance(code, GitCode)
    files = root.parent / "files"
    for name, commit in (("data", data), ("program", study.history.epoch.commit)):
        if commit is not None:
            part = root.parent / name
            code.write(commit, part)
            shutil.copytree(part, files, symlinks=True, dirs_exist_ok=True)
    task = replace(task, root=files, fence=fence)
    resolved = resolve(task, list_files(files))

    def mounts(paths: tuple[str, ...]) -> tuple[Mount, ...]:
        outside = [
            path for path in paths if not (files / path).resolve().is_relative_to(files.resolve())
        ]
        if outside:
            raise Refused(f"the bundle's data leads out of itself by {outside[0]!r}")
        return tuple(Mount(source=files / path, target=path) for path in paths)

    place = Workplace(
        task=task,
        code=root / STUDY / "code.git",
        baseline=study.history.epoch.commit,
        scratch=root / STUDY / "scratch",
        links=(*mounts(resolved.linked), *shim_mounts(task)),
        hides=mounts(resolved.hidden),
    )
    (root / STUDY / "scratch").mkdir(exist_ok=True)
    return Measuring(place, 0).try_out


# --- judging -------------------------------------------------------------------------------------


def _why(*outcomes: Outcome | None) -> str:
    return "; ".join(
        getattr(each, "reason", "") for each in outcomes if not isinstance(each, Measured)
    )


def _judged(
    study: Study,
    chosen: _Chosen,
    differences: list[float],
    base: list[float],
    failed: int,
    seed: int,
) -> Reproduced:
    from statistics import fmean

    from move37.referee.intervals import paired_interval

    claim, metric = chosen.claim, study.task.metric
    found = paired_interval(differences, LEVEL)
    interval = None if found is None else (found.low, found.high)
    claimed = None if claim is None else claim.interval
    verdict, reason = agreement(claimed, interval, metric.min_effect)
    value = metric.value(fmean(base)) if base else None
    return Reproduced(
        experiment=chosen.experiment,
        baseline=chosen.baseline,
        metric=metric.name,
        claimed=None if claim is None else claim.effect,
        claimed_interval=claimed,
        effect=None if found is None else found.effect,
        interval=interval,
        level=LEVEL,
        pairs=len(differences),
        failed=failed,
        baseline_value=value,
        seed=seed,
        verdict=verdict,
        reason=reason,
    )


def agreement(
    claimed: tuple[float, float] | None, seen: tuple[float, float] | None, edge: float
) -> tuple[str, str]:
    """Whether a fresh interval agrees with a claimed one: `agrees`, `contradicts` or `unclear`, and why."""
    if seen is None:
        return "unclear", "fewer than two pairs of trials finished"
    if claimed is None:
        return "unclear", "the bundle claims nothing; this is what was measured"
    if seen[1] < claimed[0]:
        return "contradicts", "the fresh interval lies below all of the claimed one"
    if seen[0] > edge:
        return (
            "agrees",
            "the fresh interval meets the claimed one or lies above it, and all of it is better",
        )
    if seen[1] <= edge:
        return "contradicts", "the fresh interval holds no effect that counts"
    return (
        "unclear",
        "the fresh interval meets the claimed one, but holds no effect as well; more pairs may tell",
    )


def _differences(stated: object, again: object) -> list[str]:
    """Where two tables differ, a sentence each."""
    told, found = dict(_leaves("table", stated)), dict(_leaves("table", again))
    return [
        f"the {name} is {str(told.get(name))[:80]} in the bundle, and {str(found.get(name))[:80]} when computed again"
        for name in dict.fromkeys((*found, *told))
        if not _is_close(told.get(name), found.get(name))
    ][:_MOST_DIFFERENCES]


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Every figure of a table, under its place in it."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from _leaves(f"{name}: {key}", inner)
    elif isinstance(value, list):
        for at, inner in enumerate(cast("list[object]", value)):
            yield from _leaves(f"{name}, {at}", inner)
    else:
        yield name, value


def _is_close(stated: object, again: object) -> bool:
    if isinstance(stated, int | float) and isinstance(again, int | float):
        return abs(stated - again) <= _CLOSE * max(abs(stated), abs(again), 1e-300)
    return stated == again
