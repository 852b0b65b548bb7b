"""A task file in the making: what was found, and what only a person can say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from move37.core.errors import TaskError
from move37.core.records import Task
from move37.tasks.keys import SECTIONS
from move37.tasks.metrics import guess_direction
from move37.tasks.toml import STEERING_FILE, TASK_FILE, build_task
from move37.tasks.write import render_task


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Something that could not be found."""

    key: str
    """Table and key, such as `evaluate.run`; `goal` for the one at the top."""
    text: str
    choices: tuple[str, ...] = ()
    """Answers worth offering; another one may be right as well."""
    default: str | None = None
    """The likeliest answer. `None`: nothing points to one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What is known of a task that has no `move37.toml` yet."""

    root: Path
    layout: str
    """What was recognised, in a few words, such as `karpathy/autoresearch`."""
    document: Mapping[str, Any]
    """The tables of the task file, as far as they are known."""
    questions: tuple[Question, ...] = ()
    """What is still open. Those with a default may be left so."""
    found: tuple[str, ...] = field(default=())
    """What was concluded and from what, one sentence each, for a person to check."""
    warnings: tuple[str, ...] = ()
    """Those of them that a person should see who only runs it."""
    regexes: Mapping[str, str] = field(default_factory=dict[str, str])
    """How to find a metric that is not printed in a known way, by its name."""

    def answer(self, key: str, value: str) -> "Draft":
        """Return the draft with this answer in place. Raises `TaskError` when it cannot be used.

        A list, such as `files.edit`, is given with commas.
        """
        table, _, name = key.rpartition(".")
        known = [f"{t}.{k.name}".lstrip(".") for t, ks in SECTIONS.items() for k in ks]
        if key not in known or table == "proposer":
            raise TaskError(f"{key!r} is no question about a task; known: {', '.join(known)}")
        answered = self._with(table, name, _convert(key, value.strip()))
        rest = tuple(question for question in self.questions if question.key != key)
        answered = replace(answered, questions=rest)
        _check(answered, key)
        return answered._settle_metric() if key == "metric.name" else answered

    def with_defaults(self) -> "Draft":
        """Return the draft with every open question answered by its default.

        Raises `TaskError`, naming what could not be found, when one has none.
        """
        draft = self
        while answerable := [q for q in draft.questions if q.default is not None]:
            draft = draft.answer(answerable[0].key, answerable[0].default or "")
            draft = replace(draft, found=(*draft.found, _guessed(answerable[0])))
        if draft.questions:
            raise TaskError(_cannot_guess(draft))
        return draft

    def task(self) -> Task:
        """Return the task. Raises `TaskError` while something without a default is unknown."""
        draft = self.with_defaults()._with_goal()
        return build_task(draft.document, root=self.root, where=str(self.root / TASK_FILE))

    def _settle_metric(self) -> "Draft":
        """What follows from the metric's name: how to find it, and mostly which way is better."""
        name = self.document["metric"]["name"]
        draft = self
        if name in self.regexes and "regex" not in self.document["metric"]:
            draft = draft._with("metric", "regex", self.regexes[name])
        direction = guess_direction(name)
        if direction is not None and "goal" not in self.document["metric"]:
            draft = draft._with("metric", "goal", direction.value)
            rest = tuple(question for question in self.questions if question.key != "metric.goal")
            draft = replace(draft, questions=rest)
        return draft

    def _with_goal(self) -> "Draft":
        """A goal in a sentence, where neither the draft nor a `program.md` has one."""
        if "goal" in self.document or (self.root / STEERING_FILE).exists():
            return self
        metric = self.document["metric"]
        verb = "Lower" if metric["goal"] == "minimize" else "Raise"
        return self._with("", "goal", f"{verb} {metric['name']}.")

    def _with(self, table: str, name: str, value: object) -> "Draft":
        if not table:
            return replace(self, document={**self.document, name: value})
        inner = {**self.document.get(table, {}), name: value}
        return replace(self, document={**self.document, table: inner})


def render(draft: Draft) -> str:
    """Return the text of the `move37.toml`; `load_task` reads back `draft.task()`."""
    return render_task(draft.task())


def write_task(draft: Draft) -> Path:
    """Write `move37.toml` and return its path. Raises `TaskError` when there is one already."""
    path = draft.root / TASK_FILE
    content = render(draft).encode()
    try:
        file = path.open("xb")  # fails where the name is taken, even by a dangling link
    except FileExistsError:
        raise already_there(draft.root) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with file:
            file.write(content)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return path


def _unwritable(path: Path, error: OSError) -> TaskError:
    return TaskError(
        f"{path} cannot be written ({error.strerror}); make room, or make {path.parent} writable"
    )


def already_there(root: Path) -> TaskError:
    return TaskError(
        f"{root / TASK_FILE} is there already; edit it, or remove it to start from nothing"
    )


_NUMBERS = frozenset(
    ("metric.min_effect", "budget.experiments", "budget.hours", "budget.usd", "evaluate.cpus")
)
_LISTS = frozenset(
    ("files.edit", "files.link", "files.hide", "files.between", "sandbox.read", "sandbox.env")
)


def _convert(key: str, value: str) -> object:
    """From what was typed to what TOML would hold; what does not convert is complained about later."""
    if key in _LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    if key == "evaluate.pair" and value in ("true", "false"):
        return value == "true"
    if key in _NUMBERS:
        for convert in (int, float):
            try:
                return convert(value)
            except ValueError:
                continue
    return value


def _check(draft: Draft, key: str) -> None:
    """Let the reader judge the answer, with stand-ins for what is not known yet."""
    stand_ins: dict[str, dict[str, Any]] = {
        "files": {"edit": ["x"]},
        "evaluate": {"run": "x"},
        "metric": {"name": "x", "goal": "minimize"},
    }
    document: dict[str, Any] = {"goal": "x", **draft.document}
    for table, values in stand_ins.items():
        document[table] = {**values, **cast("dict[str, Any]", draft.document.get(table, {}))}
    build_task(document, root=draft.root, where=f"the answer for {key}")


def _guessed(question: Question) -> str:
    others = [choice for choice in question.choices if choice != question.default]
    rather = f" rather than {', '.join(others[:8])}" if others else ""
    return f"{question.key} is guessed: {question.default}{rather}; change it where that is wrong"


def _cannot_guess(draft: Draft) -> str:
    open_ones: Sequence[Question] = draft.questions
    names = ", ".join(question.key for question in open_ones)
    table, _, name = open_ones[0].key.rpartition(".")
    example = next(key.example for key in SECTIONS[table] if key.name == name)
    place = f" in [{table}]" if table else ""
    return (
        f"could not find {names} in {draft.root}; "
        f"write {TASK_FILE} with {name} = {example}{place}, or run `move37 init` to be asked"
    )
