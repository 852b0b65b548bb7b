"""Proposes the checks of a task: the project's own tests."""

import re

from move37.tasks.look import Look

_PYTEST = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")


def propose_checks(look: Look) -> dict[str, str]:
    """Return the commands that say whether the program still does what it should, by name."""
    command = _tests(look)
    return {} if command is None else {"tests": command}


def _tests(look: Look) -> str | None:
    """The first kind of tests that is there; a Makefile's only when nothing speaks for itself."""
    if any(_PYTEST.search(path) for path in look.paths):
        return look.python("-m pytest -q").command
    if look.has("Cargo.toml"):
        return "cargo test --quiet --offline"
    if look.has("go.mod") and any(path.endswith("_test.go") for path in look.paths):
        return "go test ./..."
    script = look.npm_scripts().get("test", "")
    if script and "no test specified" not in script:
        return "npm test --silent"
    targets = look.make_targets()
    return next((f"make --silent {name}" for name in ("test", "check") if name in targets), None)
