"""A `Task` as the tables it is written in: for `move37.toml`, and for the fact that starts an epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from move37.core.records import Budget, Check, Claims, Evaluation, EvaluationStage, Hints, Task
from move37.tasks.toml import build_task, default_name
from move37.tasks.units import format_duration, format_size


def to_mapping(task: Task) -> dict[str, Any]:
    """Return the whole task as JSON-safe tables, defaults included, without the user's paths.

    The task's directory is left out, and a path below the home directory is written with `~`.
    """
    limits: dict[str, list[str]] = {}
    for limit in task.limits:
        relative = "x baseline" if limit.of_baseline else ""
        bound = f"{limit.operator} {_plain(limit.bound)!r}{relative}"
        limits.setdefault(limit.metric, []).append(bound)
    return {
        "name": task.name,
        "goal": task.goal,
        "search": task.search,
        "files": {
            "edit": list(task.files.edit),
            "link": list(task.files.link),
            "hide": list(task.files.hide),
            **({"between": list(task.files.between)} if task.files.between else {}),
        },
        "evaluate": {
            "run": task.evaluate.run,
            "score": task.evaluate.score or "",
            **_timeout(task.evaluate),
            "memory": format_size(task.evaluate.memory_bytes),
            "cpus": task.evaluate.cpus,
            "pair": task.evaluate.pair,
            **({"exclusive": True} if task.evaluate.exclusive else {}),
            **({"early_stop": True} if task.evaluate.early_stop else {}),
            **({"score_runs": True} if task.evaluate.score_runs else {}),
            **({"stage": list(map(_stage, task.evaluate.stages))} if task.evaluate.stages else {}),
        },
        "metric": {
            "name": task.metric.name,
            "goal": task.metric.direction.value,
            "min_effect": _plain(task.metric.min_effect),
            **({} if task.metric.regex is None else {"regex": task.metric.regex}),
        },
        **({"also": {m.name: m.direction.value for m in task.also}} if task.also else {}),
        "checks": {check.name: _check(check) for check in task.checks},
        "limits": {
            name: bounds[0] if len(bounds) == 1 else bounds for name, bounds in limits.items()
        },
        "budget": _budget(task.budget),
        **_claims(task.claims),
        **_policy(task.policy),
        "sandbox": {
            "level": task.fence.level,
            "read": [_without_home(path) for path in task.fence.read],
            **({"scratch": list(task.fence.scratch)} if task.fence.scratch else {}),
            "env": list(task.fence.env),
        },
        "proposer": [{"kind": spec.kind, **spec.options} for spec in task.proposers],
    }


def _stage(stage: EvaluationStage) -> dict[str, Any]:
    own = stage.metric
    return {
        "name": stage.name,
        "run": stage.run,
        **({"score": stage.score} if stage.score else {}),
        **_timeout(stage),
        **({"metric": own.name, "goal": own.direction.value} if own else {}),
        "keep": _plain(stage.keep),
    }


def _timeout(evaluate: Evaluation | EvaluationStage) -> dict[str, str | float]:
    """Only where somebody wrote one: what follows from the baseline is no part of the task."""
    return {"timeout": format_duration(evaluate.timeout_seconds)} if evaluate.has_timeout else {}


def _check(check: Check) -> str | dict[str, Any]:
    if check.timeout_seconds is None:
        return check.command
    return {"run": check.command, "timeout": format_duration(check.timeout_seconds)}


def from_mapping(mapping: Mapping[str, Any], root: Path) -> Task:
    """Return the task that `to_mapping` was given, in this directory. Raises `TaskError`."""
    return build_task(mapping, root=root, where="the stored task")


def to_document(task: Task) -> dict[str, Any]:
    """Return the task as the tables of a tidy `move37.toml`: without what is as it would be anyway."""
    document = to_mapping(task)
    least = to_mapping(_least(task))
    for table in ("evaluate", "sandbox"):
        for key in [
            key for key in document[table] if document[table][key] == least[table].get(key)
        ]:
            if key not in ("run", "score"):
                del document[table][key]
    for key in ("name", "search", "proposer"):
        if document[key] == least[key]:
            del document[key]
    return _without_nothing(document)


def _least(task: Task) -> Task:
    """The same task with all that can be left out left out."""
    return Task(
        name=default_name(task.root),
        root=task.root,
        goal=task.goal,
        files=task.files,
        evaluate=Evaluation(run=task.evaluate.run, has_timeout=False),
        metric=task.metric,
    )


def _claims(claims: Claims) -> dict[str, dict[str, float]]:
    """Only what is not as it would be anyway, so that tasks of old are written as they were."""
    pairs = {} if claims.pairs is None else {"pairs": claims.pairs}
    alpha = {} if claims.alpha == Claims().alpha else {"alpha": claims.alpha}
    return {"certify": {**pairs, **alpha}} if pairs or alpha else {}


def _policy(hints: Hints) -> dict[str, dict[str, bool]]:
    """Likewise."""
    use = {"use": True} if hints.use else {}
    remember = {} if hints.remember else {"remember": False}
    return {"policy": {**use, **remember}} if use or remember else {}


def _budget(budget: Budget) -> dict[str, float]:
    limits = {"experiments": budget.experiments, "hours": budget.hours, "usd": budget.usd}
    return {name: _plain(limit) for name, limit in limits.items() if limit is not None}


def _plain(number: float) -> float:
    """Write 8.0 as 8."""
    return int(number) if number == int(number) and abs(number) < 1e15 else number


def _without_home(path: str) -> str:
    home = str(Path.home())
    return f"~{path[len(home) :]}" if path == home or path.startswith(f"{home}/") else path


def _without_nothing(document: Mapping[str, Any]) -> dict[str, Any]:
    """Drop empty lists, empty texts, zeros and `false`, which say nothing, and tables left empty."""
    tidy: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict) and name not in ("budget", "policy"):
            items = cast("dict[str, Any]", value).items()
            tidy[name] = {key: inner for key, inner in items if inner not in ("", [], 0.0, False)}
        else:
            tidy[name] = value
    return {name: value for name, value in tidy.items() if value not in ({}, [])}
