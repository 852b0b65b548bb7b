"""The sections of a prompt about a study, each as a list of entries, the most useful first.

An entry is made when there is room for it, so that what does not fit costs nothing.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from math import floor, isfinite, log10

from move37.core.errors import StudyError
from move37.core.history import Experiment
from move37.core.protocols import Request
from move37.core.records import Belief, Evaluation, Failed, Measured, Screened
from move37.proposers.context.edits import edited_lines, fits, unified
from move37.proposers.context.excerpt import Count, head, lines_of, relevant_parts, tail
from move37.proposers.context.memory import Memory, children_of
from move37.proposers.context.modes import lineage
from move37.proposers.context.quoting import Data, Piece, clean, one_line
from move37.proposers.context.words import COMMON

_STEPS = 12
_RANKED = 32
_DIFFERENT = 4
_LATELY = 48
_FAILURES = 4
_LOOK_BACK = 256
_NEAR_MISSES = 3
_CURVE_POINTS = 12
_FIXED_NAMES = 40
_JUDGED = frozenset({"score", "metric", "limit"})
"""Where an experiment fails in these, the last lines are those of `score`, where there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Something to tell."""

    pieces: tuple[Piece, ...]
    shown: tuple[int, ...] = ()
    """The experiments whose programs or results are in it."""
    programs: tuple[int, ...] = ()
    """Those whose programs are."""


Make = Callable[[int], Entry | None]
"""An entry of at most so many tokens, about; `None` when there is none, or no room for any."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    makers: Iterable[Make]
    share: float
    """At most so much of the room that is left."""
    _: KW_ONLY
    place: int
    """In the prompt; the list of sections is in the order in which they matter."""
    told: str = ""
    """If not empty, the entries are lines with words of others in them: one block of data of this label."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What the sections are about. One for each prompt."""

    request: Request
    memory: Memory | None
    count: Count
    mend: Experiment | None
    told: set[int] = field(default_factory=set[int])
    """Experiments whose programs are in the prompt already: none is shown twice."""

    @property
    def parent(self) -> Experiment:
        return self.request.parents[0]

    def program(self, experiment: int) -> Mapping[str, bytes] | None:
        """`None` where it has none."""
        if self.request.history[experiment].commit is None:
            return None
        try:
            return self.request.library.program(experiment)
        except StudyError:
            return None

    def is_told(self, experiment: int) -> bool:
        """Whether its program is in the prompt already, under whatever name."""
        history = self.request.history
        return experiment in self.told or any(
            history[one].identity == history[experiment].identity for one in self.told
        )

    @property
    def keeps_secrets(self) -> bool:
        """Whether what `score` says may hold what is hidden."""
        return bool(self.request.task.files.hide) and self.request.task.evaluate.score is not None


# --- words ---------------------------------------------------------------------------------------


def number(value: float, sd: float = 0.0) -> str:
    """All digits, but for those that are nothing but noise."""
    if not isfinite(value) or not isfinite(sd) or sd <= 0:
        return repr(value)
    places = min(15, max(0, 2 - floor(log10(sd))))
    return f"{value:.{places}f}"


def told_value(request: Request, belief: Belief) -> str:
    """In the metric's own unit."""
    value = number(request.task.metric.value(belief.mean), belief.sd)
    return f"{value} ± {belief.sd:.2g}" if belief.sd > 0 else value


def told_effect(effect: Belief) -> str:
    """A difference of scores, in words that hold for either direction."""
    word = "better" if effect.mean > 0 else "worse"
    if effect.mean == 0:
        return f"no difference (± {effect.sd:.2g})" if effect.sd > 0 else "no difference"
    size = number(abs(effect.mean), effect.sd)
    return f"{word} by {size} ± {effect.sd:.2g}" if effect.sd > 0 else f"{word} by {size}"


def told_outcome(scene: Scene, one: Experiment) -> str:
    """What came of an experiment, against its parent where that is known."""
    request, outcome = scene.request, one.outcome
    match outcome:
        case None:
            return "under way"
        case Failed():
            return f"failed: {told_reason(scene, outcome)}"
        case Screened():
            return f"let go early: {one_line(outcome.reason)}"
        case Measured():
            effect = request.beliefs.difference(one.id, one.parents[0]) if one.parents else None
            return "measured" if effect is None else told_effect(effect)


def told_reason(scene: Scene, failed: Failed) -> str:
    if scene.keeps_secrets and failed.stage in _JUDGED - {"limit"}:
        return "`score` gave no metric for it"
    return one_line(failed.reason, 300)


def told_output(scene: Scene, one: Experiment) -> str:
    """The last lines of what a failed experiment printed; nothing of what may hold hidden things."""
    failed = one.outcome
    if not isinstance(failed, Failed):
        return ""
    if scene.keeps_secrets and failed.stage in _JUDGED:
        return ""
    if failed.output or failed.stage != "run":
        return clean(failed.output)
    stored = scene.request.library.attachment(f"x{one.id}-search-0/stderr") or b""
    return clean(stored[-4000:].decode(errors="replace"))


def _named(one: Experiment) -> str:
    said = f": {one_line(one.hypothesis)}" if one.hypothesis else ""
    return f"x{one.id} ({one_line(one.move or one.proposer, 40)}){said}"


def _line(text: str, *shown: int) -> Make:
    return lambda room: Entry(pieces=(text,), shown=shown)


# --- the task ------------------------------------------------------------------------------------


def _wall_clock(evaluate: Evaluation) -> str:
    if evaluate.has_timeout:
        return f"{evaluate.timeout_seconds:g} s wall clock"
    return "many times the wall clock that the baseline takes"


def evaluation_words(request: Request) -> str:
    """How a program is measured, in lines."""
    task = request.task
    metric, evaluate = task.metric, task.evaluate
    aim = "higher is better" if metric.score(1.0) > 0 else "lower is better"
    least = f"; differences below {metric.min_effect!r} are not worth a change"
    lines = [
        f"Metric: {metric.name} ({aim}{least if metric.min_effect else ''}).",
        f"Run: `{evaluate.run}`" + " (sandboxed, no network)",
    ]
    if evaluate.score is not None:
        lines.append(f"Judged by: `{evaluate.score}`, which candidates can neither see nor change.")
    lines.append(
        f"Limits of a trial: {_wall_clock(evaluate)}, "
        f"{evaluate.memory_bytes / 1024**3:g} GiB memory, {evaluate.cpus} CPU."
    )
    lines += [
        f"Cheaper stage first: `{stage.run}` ({stage.timeout_seconds:g} s)"
        for stage in evaluate.stages
    ]
    lines += [f"Check {check.name!r} must exit 0: `{check.command}`" for check in task.checks]
    lines += [f"Limit: {limit}" for limit in task.limits]
    lines.append(f"Files that may change: {', '.join(task.files.edit)}")
    if task.files.between is not None:
        first, last = task.files.between
        lines.append(
            f"In a file with lines that hold {first} and {last}, only what stands between these lines may "
            "change; a change of anything else in it, marks included, is refused as a whole."
        )
    noise = request.beliefs.noise
    if noise > 0:
        lines.append(
            f"One trial's noise has a standard deviation of {noise:.3g}: smaller effects are hard to see."
        )
    return "\n".join(lines)


def fixed_files(scene: Scene) -> Iterator[Make]:
    """The evaluation's own files, those named in its commands first, and the names of the others."""
    library, task = scene.request.library, scene.request.task
    paths = list(library.fixed())
    if not paths:
        return
    commands = " ".join(
        [task.evaluate.run, task.evaluate.score or "", *(check.command for check in task.checks)]
    )
    named = [
        path for path in paths if re.search(rf"(?<![\w/.-]){re.escape(path)}(?![\w-])", commands)
    ]
    more = f" and {len(paths) - _FIXED_NAMES} more" if len(paths) > _FIXED_NAMES else ""
    names = ", ".join(one_line(path, 100) for path in paths[:_FIXED_NAMES]) + more
    yield _line(f"They may be read and not changed: {names}")
    for path in named[:4]:
        yield lambda room, path=path: _fixed_file(scene, path, room)


def _fixed_file(scene: Scene, path: str, room: int) -> Entry | None:
    data = scene.request.library.read_fixed(path)
    if b"\0" in data[:4096]:
        return None
    text = clean(data.decode(errors="replace"))
    found = head(text, min(room - 30, 1500), scene.count)
    if not found:
        return None
    label = f"fixed file {_path(path)}" + ("" if len(found) == len(text) else ", its beginning")
    return Entry(pieces=(Data(label, found),))


# --- the study -----------------------------------------------------------------------------------


def standing(scene: Scene) -> Iterator[Make]:
    """Baseline, champion, parent: what is believed of them."""
    request = scene.request
    history, beliefs = request.history, request.beliefs
    champion = request.champion()
    ids = {"baseline": history.baseline.id, "champion": champion, "parent": scene.parent.id}
    roles: dict[int, list[str]] = {}
    for role, id in ids.items():
        if id is not None:
            roles.setdefault(id, []).append(role)
    name = request.task.metric.name
    for id, called in roles.items():
        belief = beliefs.belief(id)
        value = "not measured" if belief is None else f"{name} {told_value(request, belief)}"
        effect = None if history[id].is_baseline else beliefs.difference(id, history.baseline.id)
        against = "" if effect is None else f" ({told_effect(effect)} than the baseline)"
        yield _line(f"x{id}, the {' and '.join(called)}: {value}{against}", id)
    others = _other_metrics(scene)
    if others:
        yield lambda room: Entry(pieces=(Data("what the parent's trial printed besides", others),))


def _other_metrics(scene: Scene) -> str:
    """Other metrics of the parent's first trial."""
    outcome = scene.parent.outcome
    if not isinstance(outcome, Measured):
        return ""
    own = scene.request.task.metric.name
    found = [
        f"{one_line(name, 40)}={value!r}"
        for name, value in sorted(outcome.metrics.items())
        if name != own and not name.startswith("holdout")
    ]
    figures = [f"seconds={outcome.seconds:.3g}", f"peak_memory_mb={outcome.peak_memory_mb:.4g}"]
    return ", ".join([*found[:12], *figures])


def steps_so_far(scene: Scene) -> Iterator[Make]:
    """How the parent came about: each step with its believed effect, the newest first."""
    for one in lineage(scene.request, scene.parent.id, _STEPS):
        if one.parents:
            parents = " and ".join(f"x{parent}" for parent in one.parents)
            text = f"from {parents} to {_named(one)}: {told_outcome(scene, one)}"
            yield _line(text, one.id)


def tried_here(scene: Scene) -> Iterator[Make]:
    """What was tried on this parent already, the newest first."""
    history, id = scene.request.history, scene.request.experiment.id
    for child in reversed(children_of(history, scene.parent.id, scene.memory)):
        one = history[child]
        if child < id and (one.hypothesis or one.commit is not None):
            yield _line(f"{_named(one)}: {told_outcome(scene, one)}", child)


def tried_lately(scene: Scene) -> Iterator[Make]:
    """The latest experiments on other parents."""
    history, id = scene.request.history, scene.request.experiment.id
    ours = {one.id for one in lineage(scene.request, scene.parent.id, _STEPS)}
    first = max(history.epoch.baseline + 1, id - _LATELY)
    for one in reversed(history.experiments[first:id]):
        known = scene.parent.id in one.parents or one.id in ours
        if not known and one.parents and one.commit is not None:
            yield _line(f"on x{one.parents[0]}, {_named(one)}: {told_outcome(scene, one)}", one.id)


def different_programs(scene: Scene) -> Iterator[Make]:
    """The champion and the best programs that are not the parent's close kin, as diffs to the parent."""
    request = scene.request
    champion = request.champion()
    vetoes = request.history.steering.vetoes
    best = [one for one in request.beliefs.ranking(_RANKED) if one not in vetoes]
    ranked = [*([] if champion is None else [champion]), *best]
    kin = {one.id for one in lineage(request, scene.parent.id, _STEPS)} - {champion}
    for second in request.parents[1:]:
        ranked.insert(0, second.id)
        kin.discard(second.id)
    chosen: list[int] = []
    for id in dict.fromkeys(ranked):
        if id in kin or scene.is_told(id) or _is_close(request, id, chosen):
            continue
        if len(chosen) >= _DIFFERENT:
            return
        chosen.append(id)
        yield lambda room, id=id: _different(scene, id, room)


def _is_close(request: Request, id: int, chosen: Sequence[int]) -> bool:
    """Whether one of these is its parent, its child or its sibling."""
    parents = set(request.history[id].parents)
    return any(other in parents or id in request.history[other].parents for other in chosen)


def _different(scene: Scene, id: int, room: int) -> Entry | None:
    request = scene.request
    files = scene.program(id)
    if files is None:
        return None
    diff = head(unified(request.files, files), min(room - 60, 1200), scene.count)
    if not diff:
        return None
    effect = request.beliefs.difference(id, scene.parent.id)
    against = "not comparable" if effect is None else f"{told_effect(effect)} than the parent"
    role = "the champion, " if id == request.champion() else ""
    label = f"x{id}, {role}{against}, as a diff from the parent"
    return Entry(pieces=(Data(label, diff),), shown=(id,), programs=(id,))


# --- failures ------------------------------------------------------------------------------------


def failure_to_mend(scene: Scene) -> Iterator[Make]:
    """The failed child that is to be proposed again, mended: its edit and its output."""
    if (one := scene.mend) is not None:
        yield lambda room: _failure(scene, one, room, with_edit=True)


def failures(scene: Scene) -> Iterator[Make]:
    """The latest failures of different kinds, those on this parent first."""
    history, id = scene.request.history, scene.request.experiment.id
    children = children_of(history, scene.parent.id, scene.memory)
    here = [history[child] for child in reversed(children)]
    first = max(history.epoch.baseline + 1, id - _LOOK_BACK)
    lately = reversed(history.experiments[first:id])
    seen: set[str] = set()
    mended = None if scene.mend is None else scene.mend.id
    for one in (*here, *lately):
        failed = one.outcome
        if not isinstance(failed, Failed) or one.commit is None or one.id == mended:
            continue
        kind = re.sub(r"\d+", "#", failed.reason)[:80]
        if kind not in seen and one.id < id:
            seen.add(kind)
            yield lambda room, one=one: _failure(scene, one, room, with_edit=False)
        if len(seen) >= _FAILURES:
            return


def _failure(scene: Scene, one: Experiment, room: int, *, with_edit: bool) -> Entry | None:
    lines = [f"{_named(one)}", told_outcome(scene, one)]
    room -= 80 + scene.count("\n".join(lines))
    if room < 0:
        return None
    if with_edit and (edit := _edit_of(scene, one)):
        edit = head(edit, room * 2 // 3, scene.count)
        lines.append(f"its edit:\n{edit}")
        room -= scene.count(edit)
    if output := tail(told_output(scene, one), min(room, 1000 if with_edit else 300), scene.count):
        lines.append(f"its last lines:\n{output}")
    return Entry(
        pieces=(Data(f"x{one.id}, which failed", "\n".join(lines)),),
        shown=(one.id,),
        programs=(one.id,) if with_edit else (),
    )


def _edit_of(scene: Scene, one: Experiment) -> str:
    """What an experiment changed of its own parent."""
    before, after = scene.program(one.parents[0]), scene.program(one.id)
    return "" if before is None or after is None else unified(before, after)


# --- near-misses ---------------------------------------------------------------------------------


def near_misses(scene: Scene) -> list[int]:
    """Experiments of other branches whose own edit is believed to gain, and still fits the parent."""
    request = scene.request
    ours = {one.id for one in lineage(request, scene.parent.id, 64)}
    found: list[int] = []
    for id in request.beliefs.ranking(_RANKED):
        one = request.history[id]
        if id in ours or not one.parents or id in request.history.steering.vetoes:
            continue
        effect = request.beliefs.difference(id, one.parents[0])
        if effect is None or effect.mean <= 0:
            continue
        before, after = scene.program(one.parents[0]), scene.program(id)
        if before is None or after is None or not fits(before, after, request.files):
            continue
        found.append(id)
        if len(found) >= _NEAR_MISSES:
            break
    return found


def near_miss_entries(scene: Scene, found: Sequence[int]) -> Iterator[Make]:
    for id in found:
        yield lambda room, id=id: _near_miss(scene, id, room)


def _near_miss(scene: Scene, id: int, room: int) -> Entry | None:
    one = scene.request.history[id]
    if scene.is_told(id):
        text = f"The last edit of x{id}, shown above, also fits the parent: {told_outcome(scene, one)}."
        return Entry(pieces=(text,), shown=(id,))
    edit = head(_edit_of(scene, one), min(room - 80, 800), scene.count)
    if not edit:
        return None
    label = f"an edit that was made to x{one.parents[0]} and fits the parent, too"
    text = f"{_named(one)}: {told_outcome(scene, one)}\n{edit}"
    return Entry(pieces=(Data(label, text),), shown=(id,), programs=(id,))


# --- what others say ---


def cited(scene: Scene, quotes: Sequence[Data]) -> Iterator[Make]:
    """Quotes from the user's references."""
    for quote in quotes:
        yield lambda room, quote=quote: _cut(scene, quote, room)


def posts(scene: Scene, board: Sequence[str]) -> Iterator[Make]:
    """Posts about the study: of people, agents and models alike, so that they are data."""
    for text in board:
        yield lambda room, text=text: _cut(scene, Data("post", text), room)


def _cut(scene: Scene, data: Data, room: int) -> Entry | None:
    found = head(clean(data.text), room - 30, scene.count)
    return Entry(pieces=(Data(data.label, found),)) if found else None


# --- what the evaluation left --------------------------------------------------------------------


def curves(scene: Scene) -> Iterator[Make]:
    """Learning curves of the parent and the champion, thinned out."""
    champion, parent = scene.request.champion(), scene.parent.id
    for id in [parent] if champion in (None, parent) else [parent, champion]:
        data = scene.request.library.attachment(f"x{id}-search-0/curves")
        if data is not None and (text := _thin(data)):
            yield lambda room, id=id, text=text: Entry(
                pieces=(Data(f"learning curve of x{id}, as step:value", text),), shown=(id,)
            )


def _thin(data: bytes) -> str:
    """A few points of each curve; empty where it cannot be read."""
    try:
        named: dict[str, list[tuple[float, float]]] = json.loads(data)
        return "\n".join(
            f"{one_line(name, 40)}: {' '.join(f'{at:g}:{value:.6g}' for at, value in _few(points))}"
            for name, points in list(named.items())[:3]
        )
    except (ValueError, TypeError, AttributeError):
        return ""


def _few(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    step = max(1, len(points) // _CURVE_POINTS)
    return [*points[:-1][::step], *points[-1:]]


def printed(scene: Scene) -> Iterator[Make]:
    """The end of what the parent's run printed: a profile, if it prints one."""
    data = scene.request.library.attachment(f"x{scene.parent.id}-search-0/stdout")
    if data and (text := clean(data[-8000:].decode(errors="replace")).strip()):
        yield lambda room: _printed(scene, text, room)


def _printed(scene: Scene, text: str, room: int) -> Entry | None:
    found = tail(text, min(room - 30, 600), scene.count)
    label = "the last lines that the parent's run printed"
    return Entry(pieces=(Data(label, found),), shown=(scene.parent.id,)) if found else None


# --- the program ---------------------------------------------------------------------------------


def program(scene: Scene, room: int) -> list[Piece]:
    """The parent's files in at most so many tokens, about: whole, or by their relevant parts."""
    texts = {
        path: data.decode(errors="replace") for path, data in sorted(scene.request.files.items())
    }
    costs = {path: _heading(path) + _about(scene, text, room) for path, text in texts.items()}
    scene.told.add(scene.parent.id)
    if sum(costs.values()) <= room:
        return [Data(f"file {_path(path)}", text) for path, text in texts.items()]
    names = _names_in(scene.request)
    marked = edited_lines(scene.request, lineage(scene.request, scene.parent.id, 6))
    weights = {path: 4 if path in marked else 1 for path in texts}
    found: dict[str, list[Piece]] = {}
    left, weight = room * 9 // 10, sum(weights.values())
    # The small ones first, so that what they do not need goes to the large ones.
    for path in sorted(texts, key=lambda path: (costs[path] / weights[path], path)):
        share = left * weights[path] // weight
        weight -= weights[path]
        found[path], cost = [], 0
        if share > _LEAST_SHARE:
            found[path], cost = _file(scene, path, texts[path], share, names, marked.get(path, ()))
        left -= cost
    missing = ", ".join(_path(path) for path in texts if not found[path])
    told = [piece for path in texts for piece in found[path]]
    if missing and (listed := head(missing, room // 10 - 16, scene.count)):
        told.append(Data("files of the program that are left out for lack of room", listed))
    return told


_LEAST_SHARE = 48


def _about(scene: Scene, text: str, room: int) -> int:
    """How many tokens a text has; about, where it is far too long."""
    return scene.count(text) if len(text) <= 16 * room else len(text) // 4


def _heading(path: str) -> int:
    """Tokens of what stands around a part of a file."""
    return 36 + len(path) // 2


def _file(
    scene: Scene, path: str, text: str, room: int, names: set[str], marked: Sequence[int]
) -> tuple[list[Piece], int]:
    total, heading = len(lines_of(text)), _heading(path)
    parts = relevant_parts(text, room, scene.count, heading=heading, names=names, marked=marked)
    pieces: list[Piece] = []
    for part in parts:
        whole = part.first == 1 and part.last == total
        where = "" if whole else f", lines {part.first} to {part.last} of {total}, as they stand"
        pieces.append(Data(f"file {_path(path)}{where}", part.text))
    cost = sum(scene.count(part.text) + heading for part in parts)
    return pieces, cost


def _path(path: str) -> str:
    """Candidates may add files, and name them as they like."""
    return json.dumps(one_line(path, 300), ensure_ascii=False)


def _names_in(request: Request) -> set[str]:
    words = re.findall(r"[A-Za-z_]\w{2,}", f"{request.task.goal} {request.task.metric.name}")
    return {word.lower() for word in words} - COMMON
