"""Other tools' YAML, read for the few values that a task takes over."""

from typing import Any, cast

from move37.core.errors import TaskError


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """The mapping in a file; empty where it holds something else. Raises `TaskError` where it cannot be read."""
    import yaml

    try:
        found: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise TaskError(
            f"{where}{line}: {problem}; correct the YAML, or write move37.toml"
        ) from error
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
