"""A place to try evaluations out in: directories, a fence, and a task around a command."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from move37.core.protocols import Attachments, Sandbox
from move37.core.records import Evaluation, Failed, Mount, Outcome, Purpose, Task, Trial, TrialJob
from move37.referee.measure import measure
from move37.testing.histories import made_up_task

TASK = made_up_task(minimize=False)
METRIC = TASK.metric.name


def task_of(
    run: str,
    *,
    score: str | None = None,
    timeout_seconds: float = 20.0,
    memory_bytes: int = 4 * 1024**3,
) -> Task:
    evaluate = Evaluation(
        run=run, score=score, timeout_seconds=timeout_seconds, memory_bytes=memory_bytes
    )
    return replace(TASK, evaluate=evaluate)


@dataclass(frozen=True, slots=True)
class Lab:
    """Directories for a trial, and a fence."""

    root: Path
    sandbox: Sandbox

    def directory(self, name: str) -> Path:
        made = self.root / name
        made.mkdir(exist_ok=True)
        return made

    def try_out(
        self,
        task: Task,
        *,
        purpose: Purpose = "search",
        hidden: str | None = None,
        protect: tuple[str, ...] = (),
        split: int = 0,
        may_see_holdout: bool = True,
    ) -> tuple[Outcome, Attachments]:
        """hidden: the content of `holdout/answer`, where it may be seen."""
        result = self.attempt(
            task,
            purpose=purpose,
            hidden=hidden,
            protect=protect,
            split=split,
            may_see_holdout=may_see_holdout,
        )
        assert result is not None
        trial, attachments = result
        assert (trial.purpose, trial.index, trial.seed) == (purpose, 1, 42)
        return trial.outcome, attachments

    def attempt(
        self,
        task: Task,
        *,
        purpose: Purpose = "search",
        hidden: str | None = None,
        protect: tuple[str, ...] = (),
        split: int = 0,
        may_see_holdout: bool = True,
        limit_seconds: float | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> tuple[Trial, Attachments] | None:
        mounts: list[Mount] = []
        if hidden is not None:
            (self.directory("hidden") / "answer").write_text(hidden)
            mounts.append(Mount(source=self.root / "hidden", target="holdout"))
        return measure(
            task,
            job=TrialJob(
                experiment=3,
                commit="c3",
                purpose=purpose,
                index=1,
                seed=42,
                split=split,
                holdout=may_see_holdout,
                timeout_seconds=limit_seconds,
            ),
            workspace=self.directory("work"),
            out=self.directory("out"),
            fresh_workspace=lambda: self.directory("score"),
            sandbox=self.sandbox,
            candidate=self.directory("candidate"),
            protect=protect,
            hidden_mounts=mounts,
            stop=stop,
        )

    def failure(self, task: Task) -> Failed:
        outcome, _ = self.try_out(task)
        assert isinstance(outcome, Failed)
        return outcome
