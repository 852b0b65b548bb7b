"""What a log says of cheap stages and of trials that were ended early."""

from move37.core.events import Progressed, Recorded, Standing
from move37.core.facts import Fact, Staged, Tried
from move37.core.records import Measured, Screened, Trial
from move37.faces.cli.watching import Watching

SCORED = Measured(score=1.0, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0)


def told(*facts: Fact) -> str:
    watching, lines = Watching(), list[str]()
    for fact in facts:
        lines += watching.take(Recorded(fact=fact), 0.0)
        lines += watching.take(Progressed(standing=Standing()), 0.0)
    return "\n".join(lines)


def gone(reason: str) -> Screened:
    return Screened(by="stage", reason=reason, predicted=0.0, predicted_sd=1.0, chance=0.0)


def test_a_stage_and_what_it_let_go_have_a_line_each() -> None:
    stage = Trial(purpose="stage", index=1, seed=1, outcome=SCORED)
    said = told(
        Tried(experiment=3, trial=stage),
        Staged(experiment=3, stage=1, screened=gone("stage short let it go")),
    )
    assert "stage 2 has a score" in said
    assert "let go: stage short let it go" in said
    assert "measured" not in said


def test_what_goes_on_is_not_worth_a_line() -> None:
    assert told(Staged(experiment=3, stage=0, screened=None, reason="by lot")) == ""


def test_a_trial_that_was_ended_early_is_no_failure() -> None:
    trial = Trial(purpose="search", index=0, seed=1, outcome=gone("ended at step 12"))
    said = told(Tried(experiment=3, trial=trial))
    assert "let go: ended at step 12" in said
    assert "failed" not in said
