"""One experiment: what it changes, what was expected, measured and believed, and who thought of it."""

from collections.abc import Mapping
from typing import Any

from move37.app.closer import closer
from move37.faces.web.code import coloured
from move37.faces.web.drawing import scale_of
from move37.faces.web.page import Asked, Page
from move37.faces.web.pages.steer import ON_EXPERIMENT

_TRIALS = 300
_WORDS = 60_000


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        id = int(asked.path["experiment"])
        against = asked.query.get("against", "parent")
        shown = closer(followed, id, against=against)
        detail = shown.detail
        trials = [trial for trial in detail.trials if trial.purpose != "stage"][-_TRIALS:]
        believed = detail.summary.believed
        baseline = followed.study.believer.belief(followed.study.history.baseline.id)
        metric = followed.study.task.metric
        zero = None if baseline is None else metric.value(baseline.mean)
        values = [trial.value for trial in trials]
        around = [] if believed is None else _around(believed.value, believed.sd)
        return {
            "heading": f"x{id}",
            "shown": shown,
            "one": detail.summary,
            "detail": detail,
            "tab": against,
            "files": coloured(shown.diff),
            "trials": trials,
            "hidden_trials": len(detail.trials) - len(trials),
            "scale": scale_of([*values, *around, zero]),
            "baseline_value": zero,
            "champion": followed.champion,
            "last": len(followed.study.history) - 1,
            "effects": scale_of(_effects(detail), zero=True),
            "words": _WORDS,
        }


def _around(value: float, sd: float) -> list[float]:
    return [value - 1.645 * sd, value + 1.645 * sd]


def _effects(detail: Any) -> list[float | None]:
    told: list[float | None] = [detail.predicted_effect]
    if detail.guess is not None:
        told += _around(detail.guess.mean, detail.guess.sd)
    for effect in (detail.effect_on_parent,):
        if effect is not None:
            told += _around(effect.effect, effect.sd)
    return told


PAGE = Page(
    name="experiment",
    title="Experiment",
    show=show,
    rest="/{experiment:int}",
    acts=ON_EXPERIMENT,
    in_menu=False,
)
