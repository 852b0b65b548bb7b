"""Only what is certified is called an improvement: in every text of reports and faces."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import move37
from move37.core.records import Verdict
from move37.referee.judge import judge
from move37.report.text import detail_text, listing_text, status_text
from move37.report.views import detail, listing, status_view
from move37.testing.histories import MadeUpStudy, made_up_task

SOURCE = Path(move37.__file__).parent
PRAISE = re.compile(r"\b(improv|outperform|breakthrough|gain(s|ed)?\b)", re.IGNORECASE)
BACKED = re.compile(r"claim|certif", re.IGNORECASE)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a module, each f-string as one, with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {
        id(part)
        for joined in ast.walk(tree)
        if isinstance(joined, ast.JoinedStr)
        for part in joined.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    part.value
                    for part in node.values
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ),
            )
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
        ):
            yield node.lineno, node.value


def test_every_text_of_reports_and_faces_praises_only_what_is_certified() -> None:
    modules = [*(SOURCE / "report").rglob("*.py"), *(SOURCE / "faces").rglob("*.py")]
    assert len(modules) > 15
    unbacked = [
        f"{path.relative_to(SOURCE)}:{line}: {text.strip()[:80]}"
        for path in modules
        for line, text in texts(path)
        if PRAISE.search(text) and not BACKED.search(text)
    ]
    assert "\n".join(unbacked) == ""


def test_the_scan_sees_what_it_should() -> None:
    found = [text for _, text in texts(SOURCE / "report" / "phrases.py") if PRAISE.search(text)]
    assert any(text.startswith("claimed, an improvement") for text in found)


def shown(study: MadeUpStudy, experiment: int, champion: int) -> str:
    """All that `status`, `list` and `show` say."""
    task, history, beliefs = study.task, study.history, study.beliefs

    def judged(one: int) -> tuple[Verdict, str]:
        found = judge(history, beliefs, task, one)
        return found.verdict, found.reason

    return "\n".join(
        (
            status_text(status_view(task, history, beliefs, champion, judge=judged)),
            listing_text(listing(task, history, beliefs, champion, judge=judged)),
            detail_text(detail(task, history, beliefs, champion, experiment, judge=judged)),
        )
    )


@pytest.fixture
def study() -> MadeUpStudy:
    made = MadeUpStudy(made_up_task())
    made.baseline(3.0, 3.1, 2.9)
    made.experiment(2.5)
    return made


def test_what_is_merely_believed_is_praised_nowhere(study: MadeUpStudy) -> None:
    assert "believed" in shown(study, 1, champion=1)
    assert not PRAISE.search(shown(study, 1, champion=1))
    study.certificate(1, effect=0.5, margin=0.6, claim=False)
    assert not PRAISE.search(shown(study, 1, champion=1))


def test_what_is_claimed_is_called_an_improvement(study: MadeUpStudy) -> None:
    study.certificate(1, effect=0.5, margin=0.1)
    assert "claimed, an improvement" in shown(study, 1, champion=1)
