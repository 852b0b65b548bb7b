"""What the referee knows: noise, the evaluator's certificate, certificates, alpha, and whether beliefs came true."""

from collections.abc import Mapping
from typing import Any

from move37.app.closer import refereed
from move37.faces.web.drawing import scale_of
from move37.faces.web.page import Asked, Page

_CERTIFICATES = 60
_REPEATS = 300


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        seen = refereed(followed)
        certificates = seen.certificates[::-1][:_CERTIFICATES]
        ends: list[float | None] = []
        for each in certificates:
            ends += [each.believed.effect if each.believed else None, *(each.interval or ())]
        believed = followed.study.believer.belief(seen.baseline)
        metric = followed.study.task.metric
        repeats = seen.repeats[-_REPEATS:]
        return {
            "seen": seen,
            "certificates": certificates,
            "effects": scale_of([*ends, metric.min_effect], zero=True),
            "repeats": repeats,
            "repeat_scale": scale_of(repeats),
            "believed": None if believed is None else (metric.value(believed.mean), believed.sd),
            "coverages": (
                ("Beliefs, against later trials", "trials", seen.calibration.trial_coverage),
                ("The same, trials on fresh seeds", "", seen.calibration.fresh_coverage),
                ("Beliefs, against certificates", "certified", seen.calibration.certified_coverage),
                ("Guesses of the policy", "guesses", seen.calibration.guess_coverage),
            ),
        }


def calibration(asked: Asked) -> object:
    with asked.following.look(asked.root) as followed:
        return refereed(followed).calibration


PAGE = Page(name="referee", title="Referee", show=show, data={"calibration": calibration}, key="r")
