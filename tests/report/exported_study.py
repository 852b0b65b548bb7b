"""A small study with everything in it that an export has to tell, and text that means harm."""

from move37.core.facts import Row
from move37.core.records import Verdict
from move37.report.exports.build import dataset, times_of
from move37.report.exports.tables import Dataset
from move37.report.views import Judge
from move37.testing.histories import MadeUpStudy, made_up_task

FORMULA = '=HYPERLINK("http://example.org";"see")'
HOSTILE = (
    FORMULA,
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "two\nlines\tand\0more",
    "half \ud800 a character",
    "ﬁ 🧪 ±",
)

judge: Judge = lambda _: (Verdict.BETTER, "better: because")  # noqa: E731


def exported(*, hypotheses: tuple[str, ...] = ("raise the rate", "lower it")) -> Dataset:
    """x0 is the baseline, x1 certified and the champion, x2 failed, the others carry the hypotheses."""
    study = MadeUpStudy(made_up_task())
    study.baseline(3.25, 3.25)
    study.experiment(3.0, hypothesis="the one")
    study.failure(1, reason="it exited with 1")
    for number, hypothesis in enumerate(hypotheses):
        study.experiment(3.1 + number, hypothesis=hypothesis)
    study.trial(1, 3.0, metrics={"rss": 7.5, "a,b": 1.0})
    study.certificate(1, effect=0.2, margin=0.05, base=3.25)
    return export_of(study)


def export_of(study: MadeUpStudy) -> Dataset:
    rows = [Row(seq, 1_000_000.0 + seq, fact) for seq, fact in enumerate(study.facts, 1)]
    return dataset(
        study.task,
        study.history,
        study.beliefs,
        1,
        judge=judge,
        times=times_of(rows),
        version="0",
    )
