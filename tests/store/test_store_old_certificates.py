"""Studies of earlier versions hold certificates with fewer fields: they mean what they meant."""

from move37.core.facts import CertificationOpened, Certified
from move37.core.records import Belief, Interval
from move37.store.codec import decode

OPENED = (
    b'{"certification":0,"experiment":7,"baseline":0,"believed":{"mean":0.1,"sd":0.02},"pairs":6}'
)
CERTIFIED = (
    b'{"certification":0,"experiment":7,"baseline":0,"effect":{"effect":0.1,"low":0.05,"high":0.15,'
    b'"level":0.95,"pairs":6},"baseline_score":-1.0,"holdout":null,"holdout_baseline_score":null,'
    b'"claim":true,"reason":"claimed"}'
)


def test_a_certification_of_old_has_a_fixed_number_of_pairs() -> None:
    assert decode("CertificationOpened", OPENED) == CertificationOpened(
        certification=0,
        experiment=7,
        baseline=0,
        believed=Belief(0.1, 0.02),
        pairs=6,
        rule="fixed",
        margin=None,
        alpha=0.05,
    )


def test_a_certificate_of_old_claims_to_be_better_and_estimates_nothing() -> None:
    assert decode("Certified", CERTIFIED) == Certified(
        certification=0,
        experiment=7,
        baseline=0,
        effect=Interval(effect=0.1, low=0.05, high=0.15, level=0.95, pairs=6),
        baseline_score=-1.0,
        holdout=None,
        holdout_baseline_score=None,
        claim=True,
        reason="claimed",
        kind="better",
        estimate=None,
        shrinkage=None,
        overfit=None,
    )
