"""From what was recognised in a directory to the draft of a task."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from move37.tasks.checks import propose_checks
from move37.tasks.draft import Draft, Question
from move37.tasks.look import Look
from move37.tasks.metrics import Guess, guess_metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One layout, recognised."""

    layout: str
    why: str
    """A sentence for the person who checks it."""
    run: str | None = None
    score: str | None = None
    edit: tuple[str, ...] = ()
    """Empty: unknown."""
    between: tuple[str, str] | None = None
    """Marks, where the layout has some; see `core.regions`."""
    printers: tuple[str, ...] = ()
    """Files whose text tells which metric is printed."""
    metric: Guess | None = None
    """Where the layout itself says so."""
    goal: str = ""
    """Where the layout itself says so."""
    evaluate: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sandbox: Mapping[str, Any] = field(default_factory=dict[str, Any])
    budget: Mapping[str, Any] = field(default_factory=dict[str, Any])
    checks: Mapping[str, Any] | None = None
    """`None`: the project's own tests, where some are found."""
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    also: Mapping[str, str] = field(default_factory=dict[str, str])
    hide: tuple[str, ...] = ()
    """What no proposer and no `run` may see, besides what is called so."""
    warnings: tuple[str, ...] = ()
    """What was not as it should be and is used all the same, a sentence each: `run` says it, too."""
    notes: tuple[str, ...] = ()
    """More for that person, a sentence each."""


def draft_found(look: Look, found: Found) -> Draft:
    """What a task file would say of it, and what is still to be asked."""
    guesses = [found.metric] if found.metric else _guesses(look, found.printers)
    metric, metric_questions = _metric(guesses)
    questions = [*_open(look, found), *metric_questions]
    checks = propose_checks(look) if found.checks is None else found.checks
    linked = [f"{name}/" for name in look.inputs() if f"{name}/" not in found.edit]
    hidden = [
        f"{name}/" for name in ("holdout", "hidden") if found.score and look.is_directory(name)
    ]
    warnings = (*found.warnings, *_warnings(look, found))
    document: dict[str, Any] = {
        **_given(goal=found.goal),
        "files": _given(
            edit=list(found.edit),
            link=linked,
            hide=[*found.hide, *hidden],
            between=list(found.between or ()),
        ),
        "evaluate": {**_given(run=found.run, score=found.score), **found.evaluate},
        "metric": metric,
        "also": dict(found.also),
        "checks": dict(checks),
        "limits": dict(found.limits),
        "sandbox": dict(found.sandbox),
        "budget": dict(found.budget),
    }
    return Draft(
        root=look.root,
        layout=found.layout,
        document={table: content for table, content in document.items() if content},
        questions=tuple(questions),
        found=(*_sentences(found, metric, checks, linked, _own_judge(look, found)), *warnings),
        warnings=warnings,
        regexes={guess.name: guess.regex for guess in guesses if guess.regex},
    )


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value}


def _open(look: Look, found: Found) -> Iterator[Question]:
    if found.run is None:
        yield Question(
            key="evaluate.run",
            text="Which command measures the program and prints a number?",
            choices=look.commands(),
        )
    if not found.edit:
        sources = look.sources() or look.data()
        yield Question(
            key="files.edit",
            text="Which files may change (several with commas)?",
            choices=sources[:20],
            default=sources[0] if len(sources) == 1 else None,
        )


def _guesses(look: Look, printers: Iterable[str]) -> list[Guess]:
    """What the first of these files that prints anything prints."""
    for path in printers:
        if guesses := guess_metrics(look.text(path)):
            return list(guesses[:10])
    return []


def _warnings(look: Look, found: Found) -> Iterator[str]:
    run = found.run or ""
    if look.wants_uv() and run.startswith("python "):
        yield (
            "there is a uv.lock, and uv is not installed: `python` runs it, with the packages that it has; "
            "install uv, or make a .venv/"
        )


def _own_judge(look: Look, found: Found) -> str | None:
    """The file that may change and prints its own number, where nothing else judges it."""
    if found.score or found.metric:
        return None
    printing = (path for path in found.printers if guess_metrics(look.text(path)))
    judge = next(printing, None)
    return judge if judge in found.edit else None


def _metric(guesses: Sequence[Guess]) -> tuple[dict[str, Any], list[Question]]:
    """The metric as far as it is clear, and what to ask about it."""
    which = "Which way is better?"
    goals = ("minimize", "maximize")
    if not guesses:
        return {}, [
            Question(key="metric.name", text="What is the metric called where it is printed?"),
            Question(key="metric.goal", text=which, choices=goals),
        ]
    best, *others = guesses
    rivals = [guess for guess in others if guess.weight > best.weight - 1.0]
    if rivals:
        return {}, [
            Question(
                key="metric.name",
                text="Which of the printed numbers is the one to improve?",
                choices=tuple(guess.name for guess in guesses),
                default=best.name,
            ),
            Question(key="metric.goal", text=which, choices=goals),
        ]
    metric: dict[str, Any] = {"name": best.name, **_given(regex=best.regex)}
    if best.direction is None:
        return metric, [Question(key="metric.goal", text=which, choices=goals)]
    return {**metric, "goal": best.direction.value}, []


def _sentences(
    found: Found,
    metric: Mapping[str, Any],
    checks: Mapping[str, Any],
    linked: Sequence[str],
    own_judge: str | None,
) -> Iterator[str]:
    yield found.why
    if found.edit:
        within = f", between {' and '.join(found.between)}" if found.between else ""
        yield f"{', '.join(found.edit)} may change{within}"
    if "goal" in metric:
        better = "lower" if metric["goal"] == "minimize" else "higher"
        yield f"the metric is {metric['name']}, and {better} is better"
    if own_judge:
        yield (
            f"{own_judge} prints its own number, so a change may cheat (a smaller problem, an easier "
            "test): mark such lines `# move37: off`, or let a `score` command judge"
        )
    for check in checks.values():
        yield f"`{check if isinstance(check, str) else check['run']}` must pass"
    if linked:
        yield f"{', '.join(linked)} is mounted, not copied"
    yield from found.notes
