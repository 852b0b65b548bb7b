"""OpenEvolve and SkyDiscover: `evaluate(program_path)` in `evaluator.py` judges `initial_program.*`.

What `config.yaml` says of budget, time and goal is taken over; what it says of models, islands and
prompts is not. See `docs/foreign.md`.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Any, cast

from move37.core.errors import TaskError
from move37.core.records import Direction
from move37.core.regions import has_regions
from move37.tasks.draft import Draft
from move37.tasks.found import Found, draft_found
from move37.tasks.look import Look
from move37.tasks.metrics import Guess
from move37.tasks.readers.config import read_yaml
from move37.tasks.readers.reader import IN_PROCESS, Reader
from move37.tasks.shims import SHIMS

MARKS = ("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END")

_EVALUATOR = "evaluator.py"
_STAGES = (1, 2, 3)
_FEATURES = ("complexity", "diversity")
"""Of OpenEvolve's archive, where the configuration names none: no part of a mean of metrics."""
_SKYDISCOVERS = frozenset(("search", "diff_based_generation"))
_CONFIGS = ("config.yaml", "config.yml")


def _read_openevolve(look: Look) -> Draft | None:
    return None if _is_skydiscover(look) else _read(look, OPENEVOLVE)


def _read_skydiscover(look: Look) -> Draft | None:
    return _read(look, SKYDISCOVER) if _is_skydiscover(look) else None


def _is_skydiscover(look: Look) -> bool:
    """By words of its configuration that OpenEvolve has not, or an evaluator that imports the tool."""
    names_it = re.search(
        r"^\s*(?:from|import)\s+skydiscover\b", look.text(_EVALUATOR), re.MULTILINE
    )
    return names_it is not None or not _SKYDISCOVERS.isdisjoint(_config(look))


def _read(look: Look, tool: Reader) -> Draft | None:
    program = _program(look)
    evaluator = look.text(_EVALUATOR)
    if program is None or not re.search(r"^(?:async )?def evaluate\(", evaluator, re.MULTILINE):
        return None
    config = _config(look)
    warnings = tuple(_broken(look))
    features = _features(config)
    call = f"{SHIMS}/openevolve.py {_EVALUATOR} {shlex.quote(program)}"
    with_features = f" --features {shlex.quote(','.join(features))}" if features else ""
    stages = list(_cascade(evaluator, config))
    python = look.python(call + with_features)
    return draft_found(
        look,
        Found(
            layout=tool.title,
            why=f"{_EVALUATOR} has evaluate(program_path), and {program} is the program",
            run=python.command,
            edit=(program,),
            between=MARKS if has_regions(look.text(program).encode(), MARKS) else None,
            metric=Guess.of("combined_score", Direction.MAXIMIZE),
            goal=_goal(config),
            evaluate={
                **_timeout(config),
                **(
                    {
                        "stage": [
                            {
                                "name": f"stage{number}",
                                "run": look.python(
                                    f"{call} --stage {number}{with_features}"
                                ).command,
                            }
                            for number in stages
                        ]
                    }
                    if stages
                    else {}
                ),
            },
            sandbox=python.sandbox,
            budget=_budget(config),
            warnings=warnings,
            notes=(*_notes(config, stages), IN_PROCESS),
        ),
    )


def _program(look: Look) -> str | None:
    """`initial_program` in any language, or the only file that has the marks."""
    named = [path for path in look.paths if re.fullmatch(r"initial_program\.\w+", path)]
    if named:
        return named[0] if len(named) == 1 else None
    return look.marked()


def _config(look: Look) -> dict[str, Any]:
    """What the configuration says; nothing where it cannot be read, see `_broken`."""
    path = look.first(*_CONFIGS)
    try:
        return read_yaml(look.text(path), path) if path else {}
    except TaskError:
        return {}


def _broken(look: Look) -> Iterator[str]:
    """What is done without the configuration. Raises `TaskError` where the score depends on it."""
    path = look.first(*_CONFIGS)
    try:
        read_yaml(look.text(path) if path else "", path or "")
    except TaskError as error:
        # Without that, the score is a mean of what the configuration does not call a feature.
        if "combined_score" not in look.text(_EVALUATOR):
            raise
        problem = str(error).partition("; ")[0]
        yield (
            f"{problem}: it is not used, so that budget, time of a trial and goal are as usual; correct "
            "the YAML, or write move37.toml"
        )


def _table(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _features(config: dict[str, Any]) -> tuple[str, ...]:
    given: object = _table(config, "database").get("feature_dimensions", _FEATURES)
    if not isinstance(given, list | tuple):
        return _FEATURES
    return tuple(str(name) for name in cast("list[object]", given))


def _timeout(config: dict[str, Any]) -> dict[str, str]:
    """Where it is written; what the tools have by default is far too long for most programs."""
    given: object = _table(config, "evaluator").get("timeout")
    is_time = isinstance(given, int | float) and not isinstance(given, bool) and given > 0
    return {"timeout": f"{given:g}s"} if is_time else {}


def _budget(config: dict[str, Any]) -> dict[str, int]:
    given: object = config.get("max_iterations")
    if isinstance(given, bool) or not isinstance(given, int) or given <= 0:
        return {}
    return {"experiments": given}


def _goal(config: dict[str, Any]) -> str:
    """What the configuration tells the model it is there for."""
    places = (_table(config, "prompt"), _table(config, "llm"), config)
    said = (table.get("system_message") for table in places)
    return next((text.strip() for text in said if isinstance(text, str) and text.strip()), "")


def _cascade(evaluator: str, config: dict[str, Any]) -> Iterator[int]:
    """The stages that are cheaper than `evaluate` itself, where the cascade is not switched off."""
    if _table(config, "evaluator").get("cascade_evaluation", True) is False:
        return
    for number in _STAGES:
        body = re.search(
            rf"^def evaluate_stage{number}\(.*?(?=^\S|\Z)", evaluator, re.MULTILINE | re.DOTALL
        )
        if body is None or re.search(r"\breturn evaluate\(", body[0]):
            return
        yield number


def _notes(config: dict[str, Any], stages: list[int]) -> Iterator[str]:
    if stages:
        yield (
            "evaluate() measures, and evaluate_stage1 and on are cheap stages before it; which programs go "
            "on from one is learned, so cascade_thresholds are not used"
        )
    if _table(config, "evaluator").get("use_llm_feedback") is True:
        yield "use_llm_feedback is not taken over: no model's opinion is part of a score here"


OPENEVOLVE = Reader(
    name="openevolve",
    title="OpenEvolve",
    needs="evaluator.py with evaluate(program_path), and one initial_program.*",
    read=_read_openevolve,
)

SKYDISCOVER = Reader(
    name="skydiscover",
    title="SkyDiscover",
    needs="what OpenEvolve's have, and a config.yaml with search or diff_based_generation",
    read=_read_skydiscover,
)
