"""A runner for tests of certification: it makes the trials up, without any program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from move37.core.facts import Checked, Fact, Tried
from move37.core.records import CheckJob, Job, Measured, Metric, Outcome, Trial, TrialJob


@dataclass(slots=True)
class MadeUpTrials:
    """Does jobs by asking `outcome`, which a test writes; remembers which, in `done`."""

    add: Callable[[Fact], None]
    outcome: Callable[[TrialJob], Outcome]
    passes: Callable[[CheckJob], bool] = lambda job: True
    done: list[Job] = field(default_factory=list[Job])

    def work_off(self, wanted: Callable[[], list[Job]]) -> None:
        """Do what is wanted, a job at a time, until nothing is."""
        while jobs := wanted():
            self.do(jobs[0])

    def do(self, job: Job) -> None:
        self.done.append(job)
        if isinstance(job, CheckJob):
            passed = self.passes(job)
            self.add(Checked(experiment=job.experiment, check=job.check.name, passed=passed))
            return
        assert isinstance(job, TrialJob), "nothing else is made up here"
        trial = Trial(
            purpose=job.purpose, index=job.index, seed=job.seed, outcome=self.outcome(job)
        )
        self.add(Tried(experiment=job.experiment, trial=trial))


def measured(metric: Metric, value: float, metrics: Mapping[str, float] | None = None) -> Measured:
    """A finished trial whose evaluation printed this value, and these other metrics."""
    return Measured(
        score=metric.score(value),
        metrics={metric.name: value, **(metrics or {})},
        seconds=2.5,
        cpu_seconds=2.0,
        peak_memory_mb=64.0,
    )
