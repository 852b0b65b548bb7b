"""Who proposes: what each was given, where it failed, what it cost, and what is believed to have come of it."""

from collections.abc import Mapping
from typing import Any

from move37.app.closer import yields_of
from move37.faces.web.page import Asked, Page

STAGES = ("propose", "sandbox", "run", "score", "metric", "limit", "check")


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        seen = yields_of(followed)
        stages = [
            stage
            for stage in STAGES
            if any(stage in proposer.failures for proposer in seen.proposers)
        ]
        return {
            "seen": seen,
            "stages": stages,
            "metric": followed.study.task.metric.name,
            "most": max((each.gain for each in seen.proposers), default=0.0),
        }


PAGE = Page(name="proposers", title="Proposers", show=show, key="w")
