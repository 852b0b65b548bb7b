"""What has to be measured before the search may go on: repeats of the baseline, a contender's checks."""

from collections.abc import Iterator, Sequence

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Check, CheckJob, Job, Task
from move37.referee.seeds import trial_job
from move37.referee.stages import missing_stage_trials

BASELINE_TRIALS = 5
"""With four degrees of freedom the noise is known to within a factor of 2.9, at 95 %."""
EQUAL_TRIALS = 3
"""So many equal scores, on different seeds, show an evaluation that repeats exactly."""


class Referee:
    """Implements `move37.core.protocols.Referee`."""

    def __init__(
        self, task: Task, believer: Believer, *, baseline_trials: int = BASELINE_TRIALS
    ) -> None:
        """baseline_trials: in all, the first one included."""
        self._checks = task.checks
        self._believer = believer
        self._baseline_trials = baseline_trials
        self._stages = task.evaluate.stages

    def wants(self, history: History) -> Sequence[Job]:
        """The jobs that are needed now. Cost: the trials of the baseline, and failed contenders."""
        baseline = history.baseline
        first = baseline.outcome
        if first is not None and not baseline.is_measured:
            return []
        jobs = [
            trial_job(history, baseline, "search", index)
            for index in missing_repeats(baseline, self._baseline_trials)
        ]
        jobs += [
            trial_job(history, baseline, "stage", index)
            for index in missing_stage_trials(baseline, self._stages)
        ]
        return jobs if first is None else [*jobs, *self._checks_of_contender(history)]

    def _checks_of_contender(self, history: History) -> Sequence[CheckJob]:
        """The missing checks of the best experiment that has not failed one, and was not vetoed."""
        vetoes = history.steering.vetoes
        for contender in self._contenders() if self._checks else ():
            if contender in vetoes:
                continue
            experiment = history[contender]
            if experiment.passes([check.name for check in self._checks]) is not False:
                return missing_checks(experiment, self._checks)
        return []

    def _contenders(self) -> Iterator[int]:
        """Experiments, the one with the best belief first; no more are ranked than are asked for."""
        seen, limit = 0, 8
        while True:
            ranking = self._believer.ranking(limit)
            yield from ranking[seen:]
            if len(ranking) < limit:
                return
            seen, limit = limit, 4 * limit


def missing_repeats(baseline: Experiment, wanted: int = BASELINE_TRIALS) -> Sequence[int]:
    """Indexes of the baseline's search trials that have not ended and are needed.

    The first alone, for if it fails there is no study; then as many as can show that the evaluation
    repeats exactly; and the others only if it does not.
    """
    ended = {trial.index for trial in baseline.trials if trial.purpose == "search"}
    scores = baseline.scores("search")
    if not ended:
        needed = 1
    elif len(scores) == len(ended) and len(set(scores)) == 1:
        needed = min(wanted, EQUAL_TRIALS)
    else:
        needed = wanted
    return [index for index in range(needed) if index not in ended]


def missing_checks(experiment: Experiment, checks: Sequence[Check]) -> Sequence[CheckJob]:
    """Those that have not been run on a program that exists."""
    assert experiment.commit is not None, "only a program that exists can be checked"
    return [
        CheckJob(experiment=experiment.id, commit=experiment.commit, check=check)
        for check in checks
        if check.name not in experiment.checks
    ]
