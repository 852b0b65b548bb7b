"""`tune`: turns what can be turned, and needs no model, account or network.

It finds the sites of the editable files, learns from the study's experiments what each of them does
to the score, and picks moves by Thompson sampling. A part of the moves is asked of Optuna's TPE. It
never edits a random seed: that would move the score without improving the program.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields
from heapq import nlargest
from random import Random
from typing import Any

from move37.core.errors import NothingToPropose, ProposalFailed, TaskError
from move37.core.facts import EpochStarted, Fact, Opened, Proposed
from move37.core.protocols import Believer, Request
from move37.core.records import Belief, Failed, Proposal
from move37.core.regions import Marks, regions
from move37.core.seeds import derive_seed
from move37.proposers.source.python_speed import with_needs
from move37.proposers.source.sites import Edit, Site, Sites, apply_edits
from move37.proposers.tune.moves import Move, Ruler, joined, position
from move37.proposers.tune.open_moves import Effect, Key, OpenMoves, Turn
from move37.proposers.tune.tpe import Point, ask_tpe

ACTIVE = 32
"""So many sites are considered at a time: the weightiest, and a few others by chance."""
ATTEMPTS = 30
WIDEN = 10
"""After so many moves that were known, several are drawn at once: the small steps are used up."""
WARM = 25
"""Optuna is asked once there are so many results to learn from."""
LATELY = 32
CHANCE = 0.04
"""Share of moves that are picked by prior weight alone, so that no site is given up for good."""


_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (bool,),
    "speed": (bool,),
    "optuna": (int, float),
}
"""Of settings that are no whole numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneSettings:
    """What a `[[proposer]]` table of kind `tune` may say."""

    together: int = 3
    """At most so many sites are turned in one experiment."""
    structure: bool = True
    """Also drop statements and swap known alternatives."""
    speed: bool = False
    """Also remember what functions and properties return: for tasks whose metric is a time."""
    optuna: float = 0.02
    """Share of the moves asked of Optuna's TPE, 0 to 0.2, once there are results to learn from."""
    window: int = 128
    """So many of the latest experiments are learned from."""

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> "TuneSettings":
        """Read them from a task. Raises `TaskError` for an unknown key, wrong type or odd value."""
        known = {field.name: field.type for field in fields(cls)}
        for key, value in options.items():
            if key not in known:
                raise TaskError(
                    f"proposer 'tune': unknown key {key!r}; the keys are {', '.join(sorted(known))}"
                )
            kinds = _TYPES.get(key, (int,))
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                names = " or ".join(kind.__name__ for kind in kinds)
                raise TaskError(f"proposer 'tune': {key} must be {names}, not {value!r}")
        settings = cls(**options)
        if not 1 <= settings.together <= 10:
            raise TaskError(f"proposer 'tune': together must be 1 to 10, not {settings.together}")
        if not 0 <= settings.optuna <= 0.2:
            raise TaskError(f"proposer 'tune': optuna must be 0 to 0.2, not {settings.optuna}")
        if not 20 <= settings.window <= 1000:
            raise TaskError(f"proposer 'tune': window must be 20 to 1000, not {settings.window}")
        return settings


class Tune:
    """The proposer that needs no model."""

    def __init__(self, settings: TuneSettings | None = None) -> None:
        self._settings = settings or TuneSettings()
        self._sites = Sites(speed=self._settings.speed)
        self._ruler = Ruler()
        self._turns: deque[Turn] = deque(maxlen=self._settings.window)
        self._places: OrderedDict[int, Mapping[str, str]] = OrderedDict()
        """Spellings that an experiment has and the baseline has not, for the latest experiments."""
        self._first: dict[str, str] = {}
        """How a site was spelled when it was first turned."""
        self._parents: dict[int, int] = {}

    # --- remembering ---

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._turns.clear()
                self._places.clear()
                self._first.clear()
                self._parents.clear()
            case Opened():
                self._parents[fact.experiment] = fact.parents[0]
            case Proposed():
                self._remember(fact)
            case _:
                pass

    def _remember(self, fact: Proposed) -> None:
        parent = self._parents.pop(fact.experiment, None)
        changes = _changes(fact)
        if parent is None or not changes:
            return
        key = tuple(sorted((id, new) for id, _, new in changes))
        self._turns.append(Turn(fact.experiment, parent, changes, key))
        for id, old, _ in changes:
            self._first.setdefault(id, old)
        above = self._places.get(parent, {})
        self._places[fact.experiment] = {**above, **{id: new for id, _, new in changes}}
        if len(self._places) > 4 * self._settings.window:
            self._places.popitem(last=False)

    # --- proposing ---

    def propose(self, request: Request) -> Proposal:
        sites = self._active(request)
        effects = self._effects(request)
        seed = request.experiment.seed
        chance = Random(seed)
        scale = _scale(effects, request.beliefs)
        open_moves = OpenMoves(sites, effects, scale, seed, self._ruler)
        parent = request.parents[0].id
        done = {turn.key for turn in self._turns if turn.parent == parent}
        asked = None
        if chance.random() < self._settings.optuna and len(effects) >= WARM:
            asked = self._ask_optuna(sites, effects, request, seed)
        for attempt in range(ATTEMPTS):
            if asked is not None and attempt == 0:
                move, share = asked, self._settings.optuna
            else:
                move = self._pick(open_moves, attempt, chance, done)
                share = 0.0 if move is None else open_moves.share(move)
            if move is None or move.key in done:
                continue
            done.add(move.key)
            changes = _apply(request.files, move)
            if not request.is_known(changes):
                return self._proposal(move, changes, share, open_moves, effects)
        raise ProposalFailed(
            f"{ATTEMPTS} moves in a row were programs that the study already has or that change nothing"
        )

    def _pick(
        self,
        open_moves: OpenMoves,
        attempt: int,
        chance: Random,
        done: Set[Key],
    ) -> Move | None:
        """The best move in one view of the truth; after some that were known already, wider ones."""
        if attempt < WIDEN and chance.random() >= CHANCE:
            return open_moves.best(attempt, self._settings.together, done)
        return open_moves.by_chance(chance, 1 + attempt // WIDEN)

    def _active(self, request: Request) -> list[Site]:
        """The sites to consider. Raises `NothingToPropose` when there are none."""
        found: list[Site] = []
        reasons: list[str] = []
        for path in sorted(request.files):
            try:
                scan = self._sites.scan(path, request.files[path])
            except TaskError as error:
                if request.parents[0].is_baseline:
                    raise
                raise ProposalFailed(f"a hint in the parent cannot be read: {error}") from error
            found += _within(scan.sites, request.files[path], request.task.files.between)
            reasons += [scan.reason] if scan.reason else []
        if not self._settings.structure:
            found = [site for site in found if site.kind not in ("swap", "delete")]
        if not found:
            where = ", ".join(sorted(request.files)) or "the editable files"
            if request.task.files.between is not None:
                where += ", between the marks,"
            because = f" ({'; '.join(reasons[:3])})" if reasons else ""
            raise NothingToPropose(
                f"no number, flag or choice found in {where} that may be turned{because}; add a "
                "hint such as `# move37: 0.1..10 log`, or use another proposer"
            )
        if len(found) <= ACTIVE:
            return found
        top = nlargest(ACTIVE - 8, found, key=lambda site: site.weight)
        taken = {site.id for site in top}
        chance = Random(derive_seed(request.experiment.seed, "sites"))
        others = chance.sample(found, 16)
        return top + [site for site in others if site.id not in taken][:8]

    def _effects(self, request: Request) -> list[Effect]:
        """What came of our latest experiments, oldest first. Those still running are left out."""
        noise = max(request.beliefs.noise, 0.0)
        effects: list[Effect] = []
        beliefs: dict[int, Belief | None] = {}
        """Of parents: most turns have theirs in common with others."""
        belief, experiments = request.beliefs.belief, request.history.experiments
        for turn in self._turns:
            outcome = experiments[turn.experiment].outcome
            if outcome is None:
                continue
            if isinstance(outcome, Failed):
                effects.append(Effect(turn, None, noise**2))
                continue
            here = belief(turn.experiment)
            if turn.parent not in beliefs:
                beliefs[turn.parent] = belief(turn.parent)
            before = beliefs[turn.parent]
            if here is not None and before is not None:
                effects.append(Effect(turn, here.mean - before.mean, here.sd**2))
        return effects

    def _ask_optuna(
        self, sites: Sequence[Site], effects: Sequence[Effect], request: Request, seed: int
    ) -> Move | None:
        """What TPE would turn, cut down to the few sites that it turns furthest."""
        turned = {id for effect in effects for id, _, _ in effect.turn.changes}
        active = [
            site for site in sites if site.id in turned and site.kind not in ("delete", "cache")
        ]
        points: list[Point] = []
        for effect in effects:
            belief = request.beliefs.belief(effect.turn.experiment)
            spelled = self._places.get(effect.turn.experiment)
            if belief is not None and spelled is not None:
                values = {site.id: spelled.get(site.id, self._first[site.id]) for site in active}
                points.append(Point(values, belief.mean))
        edits = ask_tpe(
            active, points, seed=derive_seed(seed, "tpe"), limit=self._settings.together
        )
        moves = [
            Move((edit,), self._ruler.gauge(edit.site).turn(edit.site.text, edit.text).features)
            for edit in edits
        ]
        return joined(moves) if moves else None

    def _proposal(
        self,
        move: Move,
        changes: Mapping[str, bytes],
        share: float,
        open_moves: OpenMoves,
        effects: Sequence[Effect],
    ) -> Proposal:
        said = [_said(edit, effects) for edit in move.edits]
        return Proposal(
            changes=changes,
            move=_kind(move),
            hypothesis="; ".join(said),
            predicted_effect=open_moves.predicted(move) if effects else None,
            prior=share,
            detail={
                "sites": [[e.site.id, e.site.text[:200], e.text] for e in move.edits],
            },
        )


def _changes(fact: Proposed) -> tuple[tuple[str, str, str], ...]:
    """What a stored proposal of ours says that it turned; empty for those of others."""
    if not fact.move.startswith("tune."):
        return ()
    said: Any = fact.detail.get("sites", ())
    return tuple((str(id), str(old), str(new)) for id, old, new in said)


def _within(sites: Sequence[Site], content: bytes, marks: Marks | None) -> Sequence[Site]:
    """Those that stand where the file may change."""
    if marks is None:
        return sites
    spans = regions(content, marks)
    return [
        site
        for site in sites
        if any(first <= site.start and site.end <= last for first, last in spans)
    ]


def _apply(files: Mapping[str, bytes], move: Move) -> dict[str, bytes]:
    by_path: dict[str, list[Edit]] = {}
    for edit in move.edits:
        by_path.setdefault(edit.site.path, []).append(edit)
    return {path: _edited(files[path], edits) for path, edits in by_path.items()}


def _edited(source: bytes, edits: Sequence[Edit]) -> bytes:
    edited = apply_edits(source, edits)
    for edit in edits:
        if edit.site.kind == "cache":
            edited = with_needs(edited, edit.text)
    return edited


def _scale(effects: Sequence[Effect], beliefs: Believer) -> float:
    """The size of an effect that is worth the name: the upper quartile of what was seen lately.

    Lately, because what is left to gain shrinks as the study goes on.
    """
    sizes = sorted(abs(e.gain) for e in effects[-LATELY:] if e.gain is not None)
    if not sizes:
        return max(2 * beliefs.noise, 1e-9)
    return max(sizes[(3 * len(sizes)) // 4], beliefs.noise, 1e-9)


def _kind(move: Move) -> str:
    sites = len(move.edits)
    if sites > 1:
        return "tune.pair" if sites == 2 else "tune.joint"
    return f"tune.{move.site.kind}"


def _said(edit: Edit, effects: Sequence[Effect]) -> str:
    """One edit in plain words, with what was learned from the last turn of the same site."""
    site = edit.site
    if site.kind == "delete":
        return f"line {site.line} may not be needed: {' '.join(site.text.split())[:80]!r} dropped"
    words = f"{site.name or site.id} {site.text} → {edit.text}"
    if site.kind == "cache":
        where = site.id.removesuffix(".cache")
        is_on = edit.text == site.domain.options[1]
        words = f"{where} {'remembers' if is_on else 'no longer remembers'} what it returned"
    last = next(
        (
            (effect, old, new)
            for effect in reversed(effects)
            for id, old, new in effect.turn.changes
            if id == site.id
        ),
        None,
    )
    if last is None:
        return f"{words}: its first turn"
    effect, old, new = last
    return f"{words}: {_course(site, edit, old, new)}last time {old} → {new} {_came_of(effect)}"


def _course(site: Site, edit: Edit, old: str, new: str) -> str:
    """Whether an edit goes on in the direction of the last one, or turns back."""
    here, there = position(site, site.text), position(site, edit.text)
    before, after = position(site, old), position(site, new)
    if site.kind != "number" or None in (here, there, before, after):
        return ""
    assert here is not None
    assert there is not None
    assert before is not None
    assert after is not None
    same = (there > here) == (after > before)
    return f"{'further' if same else 'back'} {'up' if there > here else 'down'}, "


def _came_of(effect: Effect) -> str:
    """On the score, as believed: of a joint edit, the whole of it."""
    others = len(effect.turn.changes) - 1
    joint = f", with {others} other{'s' if others > 1 else ''}" if others else ""
    if effect.gain is None:
        return f"failed{joint}"
    return f"{'helped' if effect.gain > 0 else 'hurt'} ({effect.gain:+.3g}{joint})"
