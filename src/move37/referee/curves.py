"""Learning curves: read while a trial prints them, learned from, and used to end a hopeless one early.

A curve is a metric that is printed again and again with a step. What its end is worth, given its
beginning, is learned from the finished curves of the study (`learn`); a running trial is compared with
that (`Listener`). Trusts nothing: a program that prints a false curve ends itself, and no other.
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from move37.core.records import CurveLine, CurveRule, Exit, Metric, Screened
from move37.referee.intervals import t_tail
from move37.referee.metrics import as_float, clean, is_number
from move37.referee.words import number

Points = Sequence[tuple[float, float]]
"""Step and value, by ascending step."""

CHANCE = 0.01
"""A trial is ended when its chance to beat the champion is below this."""
LEAST_FINISHED = 3
"""So many curves have to be finished before any trial is ended."""
LEAST_POINTS = 5
"""A curve has at least so many."""
RISE_FROM = 8
"""So many finished curves, and how fast one rises counts, too: slow starters are told from hopeless ones."""

_MOST_POINTS = 256
_MOST_NAMES = 4
_MOST_LINES = 200_000
_LINE_BYTES = 500
_GRID = 24
_WINDOW = 0.1
"""A level is the mean over so much of the way so far: as good for a curve that was thinned out."""
_LEAST_SD = 1e-3
"""Of the residuals, as a share of the spread of final scores: no regression is exact."""

_STEPS = ("global_step", "step", "steps", "iter", "iteration", "iterations", "epoch", "round")
_NUMBER = r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,4})?"
_PAIR = re.compile(
    rf"([A-Za-z_][\w.-]{{0,63}})(?:\s{{0,4}}[:=]\s{{0,4}}|\s{{1,4}})({_NUMBER})(?![\w.])"
)


# --- reading ------------------------------------------------------------------------------------


def read_points(line: str, metric: str) -> tuple[float | None, Mapping[str, float]]:
    """The step that a line is about, and the values that it gives. `None`: it names no step.

    Without a step only the task's own metric counts, and only alone on its line.
    """
    line = line.strip()
    found = _json_pairs(line) if line.startswith("{") else _text_pairs(line)
    values = dict(found)
    steps = [values.pop(name) for name in _STEPS if name in values]
    if steps:
        return steps[0], values
    alone = re.sub(r"^METRIC\s+", "", line)
    only = {metric: values[metric]} if metric in values and _PAIR.fullmatch(alone) else {}
    return None, only


def _text_pairs(line: str) -> Iterator[tuple[str, float]]:
    for match in _PAIR.finditer(line):
        name = match[1]
        yield (name.lower() if name.lower() in _STEPS else name), float(match[2])


def _json_pairs(line: str) -> Iterator[tuple[str, float]]:
    try:
        parsed: object = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(parsed, dict):
        for name, value in parsed.items():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(name, str) and isinstance(value, int | float) and value is not True:
                yield name, as_float(value)


class _Thinned:
    """Points at ascending steps: every one, or every second, fourth ..., and always the latest."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self._every = 1
        self._count = 0

    def add(self, step: float, value: float) -> None:
        if self.points and step <= self.points[-1][0]:
            return
        if self._count > 0 and (self._count - 1) % self._every:
            self.points.pop()
        self.points.append((step, value))
        self._count += 1
        if len(self.points) > _MOST_POINTS:
            self.points = self.points[::2]
            self._every *= 2


class Curves:
    """The curves of one trial, from what it prints, piece by piece; thinned out when they grow long."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric.name
        self._rest = b""
        self._lines = 0
        self._alone = 0
        self._points: dict[str, _Thinned] = {}

    def hear(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[-4 * _LINE_BYTES :]
        for line in lines:
            if self._lines < _MOST_LINES and len(line) <= _LINE_BYTES:
                self._lines += 1
                self._take(clean(line.decode(errors="replace")))

    def _take(self, line: str) -> None:
        step, values = read_points(line, self._metric)
        if step is None and values:
            self._alone += 1
            step = float(self._alone)
        for name, value in values.items() if step is not None else ():
            if is_number(value) and step is not None and is_number(step):
                self._add(name, step, value)

    def _add(self, name: str, step: float, value: float) -> None:
        if name not in self._points and len(self._points) >= 2 * _MOST_NAMES:
            return
        line = self._points.setdefault(name, _Thinned())
        line.add(step, value)

    def points(self, name: str) -> Points:
        return self._points[name].points if name in self._points else ()

    def found(self) -> Mapping[str, Points]:
        """Those with enough points to be a curve: the task's metric first, then the longest."""
        curves = {n: p.points for n, p in self._points.items() if len(p.points) >= LEAST_POINTS}
        ordered = sorted(curves, key=lambda name: (name != self._metric, -len(curves[name])))
        return {name: curves[name] for name in ordered[:_MOST_NAMES]}


def dump_curves(curves: Mapping[str, Points]) -> bytes:
    return json.dumps({name: list(map(list, points)) for name, points in curves.items()}).encode()


def load_curves(data: bytes) -> Mapping[str, Points]:
    """The inverse of `dump_curves`."""
    return {name: [(s, v) for s, v in points] for name, points in json.loads(data).items()}


# --- learning -----------------------------------------------------------------------------------


def features(points: Points, step: float) -> tuple[float, float] | None:
    """Level at a step, and what it gained since half of it; `None` before there is anything.

    Each is a mean over the last tenth of the way. For power laws with a common exponent the final value is
    a linear function of the two, whatever the amplitude.
    """
    level, before = _level(points, step), _level(points, step / 2)
    if level is None:
        return None
    return level, 0.0 if before is None else level - before


def _level(points: Points, step: float) -> float | None:
    end = bisect_right(points, step, key=_step_of)
    first = bisect_right(points, step * (1 - _WINDOW), 0, end, key=_step_of)
    return fmean(value for _, value in points[min(first, end - 1) : end]) if end else None


def _step_of(point: tuple[float, float]) -> float:
    return point[0]


def learn(
    finished: Sequence[tuple[Mapping[str, Points], float]],
    metric: str,
    target: float,
    *,
    chance: float = CHANCE,
) -> CurveRule | None:
    """When a trial is hopeless, from finished ones: their curves and final scores.

    target: the champion's believed score. `None` when too little is known. Of several curves the
    task's metric is taken, or else the one from which the final score is told best half-way.
    """
    names = {name for curves, _ in finished for name in curves}
    rules: list[tuple[float, str, CurveRule]] = []
    for name in sorted(names):
        known = [(curves[name], score) for curves, score in finished if name in curves]
        lines = tuple(_lines(known)) if len(known) >= LEAST_FINISHED else ()
        if lines:
            rule = CurveRule(name=name, lines=lines, target=target, chance=chance)
            rank = -1.0 if name == metric else lines[len(lines) // 2].sd
            rules.append((rank, name, rule))
    return min(rules, key=lambda ranked: ranked[:2])[2] if rules else None


def _lines(known: Sequence[tuple[Points, float]]) -> Iterator[CurveLine]:
    for step in _grid([points for points, _ in known]):
        rows = [(features(points, step), score) for points, score in known]
        line = _fit(step, [(found, score) for found, score in rows if found is not None])
        if line is not None:
            yield line


def _grid(curves: Sequence[Points]) -> Sequence[float]:
    """Steps to look at: evenly over those of a typical curve, its last one left out."""
    typical = sorted(curves, key=len)[len(curves) // 2]
    steps = [step for step, _ in typical][1:-1]
    every = max(1, len(steps) // _GRID)
    return steps[::every]


def _fit(step: float, rows: Sequence[tuple[tuple[float, float], float]]) -> CurveLine | None:
    """Least squares of the final score on level and, once there are enough curves, rise."""
    n = len(rows)
    if n < LEAST_FINISHED:
        return None
    centre = fmean(x for (x, _), _ in rows), fmean(z for (_, z), _ in rows)
    mean = fmean(y for _, y in rows)
    centred = [(x - centre[0], z - centre[1], y - mean) for (x, z), y in rows]
    xx, xz, zz = (_sum(centred, i, j) for i, j in ((0, 0), (0, 1), (1, 1)))
    xy, zy, yy = _sum(centred, 0, 2), _sum(centred, 1, 2), _sum(centred, 2, 2)
    determinant = xx * zz - xz * xz
    if n >= RISE_FROM and determinant > 1e-9 * xx * zz:
        inverse = zz / determinant, -xz / determinant, xx / determinant
        used = 2
    elif xx > 0:
        inverse, used = (1 / xx, 0.0, 0.0), 1
    else:
        inverse, used = (0.0, 0.0, 0.0), 0
    slopes = inverse[0] * xy + inverse[1] * zy, inverse[1] * xy + inverse[2] * zy
    freedom = n - 1 - used
    residual = max(0.0, yy - slopes[0] * xy - slopes[1] * zy)
    sd = max(math.sqrt(residual / freedom), _LEAST_SD * math.sqrt(yy / (n - 1)))
    return CurveLine(
        step=step,
        centre=centre,
        intercept=mean,
        slopes=slopes,
        sd=sd,
        inverse=inverse,
        n=n,
        freedom=freedom,
    )


def _sum(rows: Sequence[tuple[float, float, float]], i: int, j: int) -> float:
    return math.fsum(row[i] * row[j] for row in rows)


def predict(line: CurveLine, found: tuple[float, float]) -> tuple[float, float]:
    """Final score, and the standard deviation of its prediction: that of a new observation
    in a regression (Weisberg, Applied Linear Regression, 2005, eq. 3.23)."""
    x, z = found[0] - line.centre[0], found[1] - line.centre[1]
    mean = line.intercept + line.slopes[0] * x + line.slopes[1] * z
    a, b, c = line.inverse
    leverage = a * x * x + 2 * b * x * z + c * z * z
    return mean, line.sd * math.sqrt(1 + 1 / line.n + leverage)


def chance_to_beat(line: CurveLine, found: tuple[float, float], target: float) -> float:
    """That the final score exceeds the target, by Student's t."""
    mean, sd = predict(line, found)
    if sd <= 0:
        return float(mean > target)
    t = (target - mean) / sd
    return t_tail(t, line.freedom) if t > 0 else 1 - t_tail(-t, line.freedom)


# --- listening ----------------------------------------------------------------------------------


class Listener:
    """Hears what a trial prints, and says when it is hopeless: at two of the steps, one after the other."""

    def __init__(self, metric: Metric, rule: CurveRule | None) -> None:
        self.curves = Curves(metric)
        self._metric = metric
        self._rule = rule
        self._next = 0
        self._hopeless = 0

    def hear(self, data: bytes) -> None:
        self.curves.hear(data)
        if self._rule is None or self.is_hopeless:
            return
        points = self.curves.points(self._rule.name)
        # A line is judged once a later step is seen: then its own values are all there.
        while self._next < len(self._rule.lines) and points:
            line = self._rule.lines[self._next]
            if points[-1][0] <= line.step or self.is_hopeless:
                return
            found = features(points, line.step)
            low = found and chance_to_beat(line, found, self._rule.target) < self._rule.chance
            self._hopeless = self._hopeless + 1 if low else 0
            self._next += 1

    @property
    def is_hopeless(self) -> bool:
        return self._hopeless >= 2

    def screened(self, ran: Exit) -> Screened:
        """What came of a trial that was ended for its curve."""
        assert self._rule is not None, "only a rule ends a trial"
        assert self.is_hopeless, "only a hopeless trial is ended"
        line = self._rule.lines[self._next - 1]
        found = features(self.curves.points(self._rule.name), line.step)
        assert found is not None, "it was judged by this line"
        mean, sd = predict(line, found)
        chance = chance_to_beat(line, found, self._rule.target)
        value = self._metric.value
        reason = (
            f"ended at step {line.step:g}, where {self._rule.name} is {number(found[0])}: by "
            f"{line.n} finished curves its {self._metric.name} would be {number(value(mean))} "
            f"± {number(sd)}, and the champion has {number(value(self._rule.target))} "
            f"(chance to beat it {chance:.2%})"
        )
        return Screened(
            by="curve",
            reason=reason,
            predicted=mean,
            predicted_sd=sd,
            chance=chance,
            metrics={self._rule.name: found[0]},
            seconds=ran.seconds,
            cpu_seconds=ran.cpu_seconds,
            peak_memory_mb=ran.peak_memory_bytes / 1024**2,
        )
