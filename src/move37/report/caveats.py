"""What a study cannot say: the sentences that a careful reader would ask for."""

from collections.abc import Iterator, Sequence

from move37.core.history import History
from move37.core.records import CheatReport, Task
from move37.report.certificates import CertificateView
from move37.report.views import Status
from move37.report.words import clean, count, percent

_FEW_PAIRS = 8


def caveats(
    task: Task,
    history: History,
    status: Status,
    claims: Sequence[CertificateView],
    cheats: CheatReport | None,
    is_ablated: bool,
) -> Iterator[str]:
    """The gravest first. Each is a sentence that is true of this study, and not of every one."""
    yield from _about_claims(task, status, claims)
    yield from _about_evaluation(task, status)
    if cheats is not None and cheats.gravest == "serious":
        yield (
            "The change does something that a score could be faked with; read the cheat report "
            "below before you take it."
        )
    champion = status.champion
    if champion is not None and not is_ablated:
        yield (
            "Nobody has taken its edits out one by one: which of them matter is believed, not "
            "measured. `move37 ablate` measures it."
        )
    if status.baseline.trials < 2 and status.noise != 0:
        yield "The baseline was measured once, so that the noise of a trial is hardly known."
    if len(history.epochs) > 1:
        yield (
            f"What is measured changed {count(len(history.epochs) - 1, 'time')}; trials from before are "
            "kept and not compared, and this report is about what came after."
        )
    if status.running and not status.is_working:
        yield f"{count(status.running, 'experiment')} were interrupted; `move37 run` goes on with them."
    if task.also:
        names = ", ".join(clean(metric.name) for metric in task.also)
        yield f"The other metrics ({names}) are shown and decide nothing; no claim is made about them."
    yield (
        "All trials ran on the machine of the study: another processor, library or version of Python may "
        "give other numbers. `move37 bundle` writes a file that others can check and run again."
    )


def _about_claims(task: Task, status: Status, claims: Sequence[CertificateView]) -> Iterator[str]:
    if not claims:
        yield (
            "Nothing is claimed. What is measured has luck in it, and what is believed has not been "
            "tried on fresh seeds."
        )
        return
    yield (
        f"A study makes a false claim with a probability of at most {percent(task.claims.alpha)}, "
        "over all that it ever certifies, as long as its trials are independent."
    )
    first = claims[0]
    champion = status.champion
    if champion is not None and first.experiment == status.pruned_from:
        yield (
            f"The claim is about x{first.experiment}. x{champion.experiment} is the same without the "
            "edits that do nothing, certified not to be worse by the margin of its ablation or more."
        )
    elif champion is not None and champion.experiment != first.experiment:
        yield (
            f"The champion x{champion.experiment} is not certified against the baseline itself; the claim is "
            f"about x{first.experiment}."
        )
    if first.pairs < _FEW_PAIRS:
        yield (
            f"The claim rests on {count(first.pairs, 'pair')} of fresh trials: enough for the interval, "
            "little to see rare failures by."
        )
    if first.holdout_interval is None:
        yield (
            "There is no hold-out: the claim is about this evaluation, with fresh seeds, and not about data "
            "that the search has never been scored on."
        )
    elif first.holdout_interval[0] <= task.metric.min_effect:
        yield "On the hold-out no effect that counts is shown: the interval reaches down to none."


def _about_evaluation(task: Task, status: Status) -> Iterator[str]:
    evaluator = status.evaluator
    if task.evaluate.score is None:
        yield (
            "The program reports its own score. The files that it may not edit are restored for each trial, "
            "but nobody else has judged what it made."
        )
    if evaluator is None:
        yield "Nobody has tried to cheat the evaluation; `move37 check` does."
        return
    if evaluator.believed:
        yield (
            f"The evaluation believes, or lets happen, {count(len(evaluator.believed), 'cheat')} of those that "
            "were tried; see its certificate."
        )
    if evaluator.drift is not None:
        yield "The baseline drifted while it was repeated: trials far apart in time compare badly."
