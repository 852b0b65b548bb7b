"""Reads `move37.toml` into a `Task`, strictly: what is not understood is never ignored."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from move37.core.errors import TaskError
from move37.core.records import (
    Budget,
    Check,
    Claims,
    Evaluation,
    EvaluationStage,
    Fence,
    Files,
    Hints,
    Limit,
    Metric,
    ProposerSpec,
    Task,
)
from move37.tasks import keys, values
from move37.tasks.keys import SECTIONS, Key, advice_on_unknown, known_keys
from move37.tasks.values import Wrong, describe

T = TypeVar("T")

TASK_FILE = "move37.toml"
STEERING_FILE = "program.md"
MOST_BYTES = 1_000_000
"""More than this is no task file; somebody named the wrong thing."""


def load_task(root: Path) -> Task:
    """Read the task of this directory. Raises `TaskError`."""
    path = root / TASK_FILE
    try:
        if not root.is_dir():
            what = "is not a directory" if root.exists() else "does not exist"
            raise TaskError(f"{root} {what}; give the directory that holds {TASK_FILE}")
        if path.exists() and not path.is_file():
            raise TaskError(f"{path} is no file; put a readable file in its place")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise no_task(root) from None
    except OSError as error:
        raise TaskError(
            f"{path} cannot be read ({error.strerror}); make it a readable file"
        ) from error
    return parse_task(content, root=root, where=str(path))


def no_task(root: Path) -> TaskError:
    return TaskError(f"no {TASK_FILE} in {root.resolve()}; run `move37 init` to write one")


def parse_task(content: bytes, *, root: Path, where: str = TASK_FILE) -> Task:
    """Turn the content of a task file into a `Task`. Raises `TaskError`, naming `where`."""
    return build_task(decode_toml(content, where), root=root, where=where)


def build_task(document: Mapping[str, object], *, root: Path, where: str) -> Task:
    """Turn a parsed task file into a `Task`. Raises `TaskError`, naming `where`."""
    root = root.resolve()
    top = _Section(where, "", document)
    top.refuse_unknown()
    files, evaluate, metric = map(top.section, ("files", "evaluate", "metric"))
    budget, sandbox, claims = map(top.section, ("budget", "sandbox", "certify"))
    policy = top.section("policy")
    return Task(
        name=top.get(keys.NAME) or default_name(root),
        root=root,
        goal=top.get(keys.GOAL) or _goal_from_steering(root, where),
        search=top.get(keys.SEARCH) or "lineage",
        files=Files(
            edit=files.need(keys.EDIT),
            link=files.get(keys.LINK) or (),
            hide=files.get(keys.HIDE) or (),
            between=files.get(keys.BETWEEN),
        ),
        evaluate=_evaluation(evaluate, _metric(metric)),
        metric=_metric(metric),
        also=tuple(_also(top.section("also"))),
        checks=tuple(_checks(top.section("checks"))),
        limits=tuple(_limits(top.section("limits"))),
        budget=Budget(
            experiments=budget.get(keys.EXPERIMENTS),
            hours=budget.get(keys.HOURS),
            usd=budget.get(keys.USD),
        ),
        fence=Fence(
            level=sandbox.get(keys.LEVEL) or "auto",
            read=sandbox.get(keys.READ) or (),
            scratch=sandbox.get(keys.SCRATCH) or (),
            env=sandbox.get(keys.ENV) or (),
        ),
        claims=Claims(pairs=claims.get(keys.PAIRS), **_given(claims.get(keys.ALPHA), "alpha")),
        policy=Hints(
            use=policy.get(keys.USE) or False, **_given(policy.get(keys.REMEMBER), "remember")
        ),
        proposers=_proposers(top) or (ProposerSpec(kind="tune"),),
    )


def default_name(root: Path) -> str:
    """What a task is called that does not say: its directory, in characters that can be shown."""
    shown = "".join(c if c.isprintable() else "_" for c in root.name)
    return shown.strip() or "task"


def read_steering(task: Task) -> str | None:
    """Return what a person wrote in `program.md`, as it is now; `None` when there is none.

    Raises `TaskError` when it is there and cannot be read.
    """
    return _read_steering(task.root)


# --- tables --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    """One table of the file, and how to complain about it."""

    where: str
    name: str
    values: Mapping[str, object]

    def fail(self, key: str, problem: str, instead: str) -> TaskError:
        shown = key if key.isprintable() and len(key) <= 60 else repr(key[:60])
        label = f"{self.name}.{shown}" if self.name else shown
        return TaskError(f"{self.where}: {label} {problem}; {instead}")

    def section(self, name: str) -> "_Section":
        """A table of this one; an absent table is an empty one."""
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise self.fail(name, f"must be a table, not {describe(value)}", f"write [{name}]")
        section = _Section(self.where, name, cast("dict[str, object]", value))
        if SECTIONS[name]:
            section.refuse_unknown()
        return section

    def refuse_unknown(self) -> None:
        for key in self.values:
            known = known_keys(self.name)
            if key in known:
                continue
            place = f"in [{self.name}]" if self.name else "at the top"
            advice = advice_on_unknown(self.name, key)
            known_ones = f"known here: {', '.join(known)}"
            raise TaskError(
                f"{self.where}: unknown key {key[:60]!r} {place}; "
                + (f"{advice} ({known_ones})" if advice else known_ones)
            )

    def get(self, key: Key[T]) -> T | None:
        """The value, checked; `None` when it is not given."""
        if key.name not in self.values:
            return None
        try:
            return key.parse(self.values[key.name])
        except Wrong as error:
            example = f"write for example {key.name} = {key.example}"
            raise self.fail(key.name, str(error), example) from error

    def need(self, key: Key[T]) -> T:
        found = self.get(key)
        if found is None:
            raise self.fail(
                key.name,
                "is missing",
                f"write for example {key.name} = {key.example} in [{self.name}]",
            )
        return found


def _given(value: T | None, key: str) -> dict[str, T]:
    """Keyword arguments that leave the record's own default where nothing is given."""
    return {} if value is None else {key: value}


def _evaluation(section: _Section, metric: Metric) -> Evaluation:
    tables = section.get(keys.STAGE) or ()
    timeout = section.get(keys.TIMEOUT)
    stages = [
        _stage(_Section(section.where, "stage", table), number, metric, timeout)
        for number, table in enumerate(tables, start=1)
    ]
    names = [stage.name for stage in stages]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise section.fail("stage", f"has two named {twice!r}", "give each a name of its own")
    return Evaluation(
        run=section.need(keys.RUN),
        score=section.get(keys.SCORE),
        **_given(timeout, "timeout_seconds"),
        has_timeout=timeout is not None,
        **_given(section.get(keys.MEMORY), "memory_bytes"),
        **_given(section.get(keys.CPUS), "cpus"),
        pair=section.get(keys.PAIR) or False,
        exclusive=section.get(keys.EXCLUSIVE) or False,
        early_stop=section.get(keys.EARLY_STOP) or False,
        score_runs=section.get(keys.SCORE_RUNS) or False,
        stages=tuple(stages),
    )


def _stage(
    section: _Section, number: int, metric: Metric, timeout: float | None
) -> EvaluationStage:
    section.refuse_unknown()
    name, goal = section.get(keys.STAGE_METRIC), section.get(keys.STAGE_GOAL)
    own_timeout = section.get(keys.STAGE_TIMEOUT)
    is_own = name is not None or goal is not None
    return EvaluationStage(
        name=section.get(keys.STAGE_NAME) or f"stage{number}",
        run=section.need(keys.STAGE_RUN),
        score=section.get(keys.STAGE_SCORE),
        **_given(timeout if own_timeout is None else own_timeout, "timeout_seconds"),
        has_timeout=timeout is not None or own_timeout is not None,
        metric=Metric(name=name or metric.name, direction=goal or metric.direction)
        if is_own
        else None,
        **_given(section.get(keys.STAGE_KEEP), "keep"),
    )


def _metric(section: _Section) -> Metric:
    regex = section.get(keys.REGEX)
    name = section.get(keys.METRIC_NAME)
    if name is None and regex is None:
        section.need(keys.METRIC_NAME)
    return Metric(
        name=name or "metric",
        direction=section.need(keys.METRIC_GOAL),
        min_effect=section.get(keys.MIN_EFFECT) or 0.0,
        regex=regex,
    )


_CHECK_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)


def _checks(section: _Section) -> Iterator[Check]:
    for name in section.values:
        if not _CHECK_NAME.fullmatch(name):
            raise TaskError(
                f"{section.where}: [checks] has the name {name[:80]!r}; "
                "use at most 64 letters, digits, `_`, `-` and `.`, such as tests"
            )
        if isinstance(section.values[name], dict):
            yield _check_table(section.where, name, section.values[name])
            continue
        command = section.need(Key(name, values.plain_text, '"pytest -q"', ""))
        yield Check(name=name, command=command)


def _check_table(where: str, name: str, value: object) -> Check:
    table = _Section(where, "check", cast("dict[str, object]", value))
    table.refuse_unknown()
    return Check(
        name=name,
        command=table.need(keys.CHECK_RUN),
        timeout_seconds=table.get(keys.CHECK_TIMEOUT),
    )


def _also(section: _Section) -> Iterator[Metric]:
    for name in section.values:
        try:
            values.metric_name(name)
        except Wrong as error:
            raise TaskError(
                f"{section.where}: a metric's name in [also] {error}; write it as it is printed"
            ) from error
        goal = section.need(Key(name, values.direction, '"minimize"', ""))
        yield Metric(name=name, direction=goal)


_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*(.*?)\s*")
_RELATIVE = re.compile(
    r"(?:(\S+?)\s*(x|\u00d7|\*|%))?\s*(?:of\s+)?(?:the\s+)?baseline", re.IGNORECASE
)


def _limits(section: _Section) -> Iterator[Limit]:
    for name, value in section.values.items():
        try:
            values.metric_name(name)
        except Wrong as error:
            raise TaskError(
                f"{section.where}: a metric's name in [limits] {error}; write it as it is printed"
            ) from error
        several = cast("list[object]", value) if isinstance(value, list) else [value]
        for bound in several:
            try:
                yield _limit(name, bound)
            except Wrong as error:
                example = f'write for example {name} = "<= 4096"'
                raise section.fail(name, str(error), example) from error


def _limit(metric: str, value: object) -> Limit:
    found = _BOUND.fullmatch(values.text(value))
    if found is None:
        raise Wrong(f"is {value!r}, which is no bound")
    operator, amount = found[1], found[2]
    relative = _RELATIVE.fullmatch(amount)
    if relative is not None:
        amount = relative[1] or "1"
    elif re.fullmatch(r".*[x\u00d7*%]", amount):
        raise Wrong(f"is bounded by {amount!r}, and does not say of what; add `baseline`")
    bound = _finite(amount)
    if relative is not None and relative[2] == "%":
        bound /= 100
    if relative is not None and bound <= 0:
        raise Wrong(f"is bounded by {amount!r} of the baseline; it must be more than 0")
    assert operator in ("<=", "<", ">=", ">")
    return Limit(metric=metric, operator=operator, bound=bound, of_baseline=relative is not None)


def _finite(amount: str) -> float:
    try:
        bound = float(amount)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise Wrong(f"is bounded by {amount!r}, which is no finite number")
    return bound


def _proposers(top: _Section) -> tuple[ProposerSpec, ...]:
    given: object = top.values.get("proposer", [])
    tables = cast("list[object]", given) if isinstance(given, list) else None
    if tables is None or not all(isinstance(table, dict) for table in tables):
        raise top.fail(
            "proposer",
            f"must be tables in double brackets, not {describe(top.values['proposer'])}",
            'write [[proposer]] and below it kind = "tune"',
        )
    return tuple(
        _proposer(_Section(top.where, "proposer", cast("dict[str, object]", table)))
        for table in tables
    )


def _proposer(section: _Section) -> ProposerSpec:
    kind = section.get(keys.KIND)
    if kind is None:
        raise section.fail("kind", "is missing", 'write for example kind = "tune" in [[proposer]]')
    options: dict[str, Any] = {}
    for key, value in section.values.items():
        if key != keys.KIND.name:
            options[key] = _option(section, key, value)
    return ProposerSpec(kind=kind, options=options)


def _option(section: _Section, key: str, value: object) -> Any:
    """A proposer's option, kept as it is if it can be stored as JSON."""
    match value:
        case bool() | str():
            return value
        case int() if -(2**63) <= value < 2**63:
            return value
        case float() if math.isfinite(value):
            return value
        case list():
            return [_option(section, key, item) for item in cast("list[object]", value)]
        case dict():
            items = cast("dict[str, object]", value).items()
            return {inner: _option(section, key, item) for inner, item in items}
        case _:
            raise section.fail(
                key, f"holds {describe(value)[:80]}, which cannot be stored", "write it as text"
            )


# --- text ----------------------------------------------------------------------------------------


def decode_toml(content: bytes, where: str) -> dict[str, object]:
    if len(content) > MOST_BYTES:
        raise TaskError(
            f"{where} is too large for a task file; "
            f"keep it below {MOST_BYTES:,} and longer text in {STEERING_FILE}"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TaskError(f"{where}, line {line}: is not UTF-8; save the file as UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TaskError(_syntax_error(str(error), text, where)) from error
    except RecursionError:
        raise TaskError(f"{where} is nested too deep to be read; write flat tables") from None
    except ValueError as error:  # an integer of thousands of digits
        raise TaskError(
            f"{where} has a number that cannot be read ({error}); shorten it"
        ) from error


def _syntax_error(message: str, text: str, where: str) -> str:
    place = re.search(r"\(at line (\d+), column \d+\)$", message)
    lines = text.splitlines() or [""]
    line = int(place[1]) if place else len(lines)
    problem = re.sub(r"\s*\(at [^()]*\)$", "", message)
    problem = problem[:1].lower() + problem[1:]
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    return f"{where}, line {line}: {problem}; correct the TOML in {shown[:80]!r}"


def _goal_from_steering(root: Path, where: str) -> str:
    for line in (_read_steering(root) or "").splitlines():
        if goal := line.strip().lstrip("#").strip():
            return goal
    raise TaskError(
        f"{where}: goal is missing; write goal = {keys.GOAL.example} at the top, "
        f"or the goal as the first line of {STEERING_FILE}"
    )


def _read_steering(root: Path) -> str | None:
    path = root / STEERING_FILE
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise TaskError(f"{path} cannot be read ({error.strerror}); make it readable") from error
