"""What a pattern in `[files]` means."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from move37.tasks.globs import BadGlob, compile_glob

NAMES = st.text("ab.é", min_size=1, max_size=3).filter(lambda n: n not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERN_NAMES = st.one_of(
    st.just("**"),
    st.text("ab.é*?", min_size=1, max_size=4).filter(
        lambda n: "**" not in n and n not in (".", "..")
    ),
)
PATTERNS = st.tuples(
    st.lists(PATTERN_NAMES, min_size=1, max_size=5).map("/".join), st.sampled_from(["", "/"])
).map("".join)


def oracle(pattern: str, path: str) -> bool:
    """Character by character, with every possibility tried."""
    if pattern.endswith("/") and not pattern.endswith("**/"):
        # A directory: some proper ancestor of the path.
        parts = path.split("/")
        return any(walk(pattern[:-1], "/".join(parts[:end])) for end in range(1, len(parts)))
    return walk(pattern.rstrip("/"), path)


def walk(pattern: str, path: str) -> bool:
    if not pattern:
        return not path
    if pattern == "**":
        return bool(path)
    if pattern.startswith("**/"):
        rest = pattern[3:]
        skips = [i + 1 for i, c in enumerate(path) if c == "/"]
        return any(walk(rest, path[start:]) for start in [0, *skips])
    if pattern[0] == "*":
        end = path.find("/") if "/" in path else len(path)
        return any(walk(pattern[1:], path[start:]) for start in range(end + 1))
    if not path:
        return False
    fits = path[0] != "/" if pattern[0] == "?" else path[0] == pattern[0]
    return fits and walk(pattern[1:], path[1:])


@given(PATTERNS, PATHS)
@example("a/**/**/b", "a/b")
@example("**/a/", "b/a/b")
@example("a/**", "a")
def test_a_pattern_means_what_the_slow_and_obvious_matcher_says(pattern: str, path: str) -> None:
    assert compile_glob(pattern).matches(path) == oracle(pattern, path)


@given(PATHS)
def test_a_path_matches_itself_and_its_directory_matches_it(path: str) -> None:
    assert compile_glob(path).matches(path)
    assert compile_glob(f"./{path}").matches(path)
    if "/" in path:
        assert compile_glob(path.rpartition("/")[0] + "/").matches(path)


@given(PATTERNS, PATHS)
def test_a_directory_that_holds_a_match_is_never_skipped(pattern: str, path: str) -> None:
    glob = compile_glob(pattern)
    if glob.matches(path):
        parents = ["/".join(path.split("/")[:end]) for end in range(1, path.count("/") + 1)]
        topmost = [p for p in parents if glob.covers(p, is_directory=True)]
        reachable = parents[: parents.index(topmost[0])] if topmost else parents
        assert all(glob.may_lead_into(parent) for parent in reachable)


@pytest.mark.parametrize(
    ("pattern", "path", "means"),
    [
        ("*.py", "train.py", True),
        ("*.py", "src/train.py", False),
        ("**/*.py", "train.py", True),
        ("**/*.py", "a/b/train.py", True),
        ("src/", "src/a/b.py", True),
        ("src/", "src", False),
        ("src", "src/a.py", False),
        ("src/**", "src/.hidden/x", True),
        ("Train.py", "train.py", False),
        ("[ab].py", "a.py", True),
        ("[!a].py", "a.py", False),
        ("pages/[id].tsx", "pages/[id].tsx", True),
        (".", "anything/at/all", True),
        ("**", "x", True),
        ("caf\u00e9.py", "cafe\u0301.py", True),
        ("cafe\u0301/", "caf\u00e9/x.py", True),
        ("a//b", "a/b", True),
    ],
)
def test_patterns_by_example(pattern: str, path: str, means: bool) -> None:
    assert compile_glob(pattern).matches(path) is means


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("../x", "leads outside the task"),
        ("a/../../x", "leads outside the task"),
        ("/etc/passwd", "is an absolute path"),
        ("~/x", "is an absolute path"),
        ("a\\b", "has a backslash"),
        ("", "is empty"),
        ("src/**.py", "has `**` beside other characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, says: str) -> None:
    with pytest.raises(BadGlob, match=says.replace("*", r"\*")):
        compile_glob(pattern)


def test_a_pattern_of_many_stars_stays_cheap() -> None:
    # A backtracking matcher would take longer than the universe has lasted.
    path = "/".join(["a" * 200] * 40)
    assert not compile_glob("/".join(["**", "*a" * 40 + "b"] * 20)).matches(path)
