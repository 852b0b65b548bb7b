"""What the study's own measurements say for and against a post: by these, never by votes, posts are ranked.

A finding, a lesson or an answer speaks of the experiments that it links to; a hypothesis is tested by those that
replies to it link to. Where its author states an effect, what is believed of their edits bears it out or
contradicts it. Where not, nobody but a reader knows what the words say: then it is only known whether
what was believed of the edits when it was posted still holds. Belief moves with every later trial, those of
descendants included. A pure function of history and beliefs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, isfinite, log2, sqrt
from typing import Literal, Protocol

from move37.core.board import Post
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Belief, Link, PostKind

CLEAR = 0.9
"""So likely, an effect is taken to go one way and not the other."""
_REPLIES = 64
"""Replies to a hypothesis that are looked at, the latest ones."""

Standing = Literal["open", "supported", "replicated", "contradicted", "overturned"]
"""Of a stated effect: borne out, again and again, or not. `overturned`: no effect is stated, and the edits are
clearly believed to do the opposite of what was believed when it was posted."""

_JUDGED: frozenset[PostKind] = frozenset(["finding", "lesson", "answer", "hypothesis"])


class SameEdit(Protocol):
    """Says which other experiments made an experiment's edit to other programs."""

    def same(self, experiment: int) -> Sequence[int]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known of what a post says."""

    standing: Standing
    tests: int = 0
    """Experiments that bear on it, and of whose effects something is believed."""
    replications: int = 0
    """Trials beyond the first of these experiments, and experiments with the same edit on another program,
    where the effect goes the same way."""
    refutations: int = 0
    """Of these experiments, and of those with the same edit: how many clearly go the other way."""
    support: float | None = None
    """The least probability, over these experiments, that the effect goes the way that its author states.
    `None`: no effect is stated, or nothing bears on it."""

    @property
    def weight(self) -> float:
        """For ranking: above 0 for what is borne out, below 0 for what is contradicted."""
        if self.standing in ("contradicted", "overturned"):
            return -1.0 - log2(1 + self.refutations)
        leaning = 0.0 if self.support is None else 2 * self.support - 1
        return leaning + log2(1 + self.replications) - log2(1 + self.refutations)


def evidence(post: Post, history: History, beliefs: Believer, edits: SameEdit) -> Evidence:
    """What is known now. Costs the same whatever the size of the study."""
    stated = _sign(post.posted.effect)
    supports: list[float] = []
    replications = refutations = tests = 0
    for link in _links(post, history):
        if effect_of(link.experiment, history, beliefs) is None:
            continue
        tests += 1
        sign = stated or (0 if post.posted.kind == "hypothesis" else _clear_sign(link.effect))
        if not sign:
            continue
        likely = _likely(history, beliefs, link.experiment, sign)
        supports.append(likely)
        repeats = max(0, len(history[link.experiment].scores()) - 1)
        replications += repeats if likely >= CLEAR else 0
        refutations += likely <= 1 - CLEAR
        for twin in edits.same(link.experiment):
            again = _likely(history, beliefs, twin, sign)
            replications += again >= CLEAR
            refutations += again <= 1 - CLEAR
    support = min(supports, default=None)
    return Evidence(
        standing=_standing(support, replications, refutations, is_stated=bool(stated)),
        tests=tests,
        replications=replications,
        refutations=refutations,
        support=support if stated else None,
    )


def seen(experiment: int, history: History, beliefs: Believer) -> Link:
    """A link, with what is believed now of the effect of the experiment's edit."""
    return Link(experiment=experiment, effect=effect_of(experiment, history, beliefs))


def effect_of(experiment: int, history: History, beliefs: Believer) -> Belief | None:
    """What is believed of an experiment's effect on its first parent; `None` where there is nothing finite."""
    one = history[experiment]
    effect = beliefs.difference(experiment, one.parents[0]) if one.parents else None
    return effect if effect is not None and _is_finite(effect) else None


def _standing(
    support: float | None, replications: int, refutations: int, *, is_stated: bool
) -> Standing:
    if support is None:
        return "open"
    if support <= 1 - CLEAR or refutations > replications:
        return "contradicted" if is_stated else "overturned"
    if support < CLEAR or not is_stated:
        return "open"
    return "replicated" if replications else "supported"


def _links(post: Post, history: History) -> Sequence[Link]:
    """The experiments that bear on a post."""
    if post.posted.kind not in _JUDGED:
        return ()
    if post.posted.kind != "hypothesis":
        return post.posted.links
    # It was posted before anybody knew.
    replies = (history.board[id] for id in history.board.replies(post.id)[-_REPLIES:])
    told = (link for reply in replies if reply.retracted is None for link in reply.posted.links)
    return tuple({link.experiment: link for link in told}.values())


def _likely(history: History, beliefs: Believer, experiment: int, sign: int) -> float:
    """How likely an experiment's effect has this sign; even where nothing is known."""
    effect = effect_of(experiment, history, beliefs)
    if effect is None:
        return 0.5
    if effect.sd <= 0:
        return 0.5 if effect.mean == 0 else float(_sign(effect.mean) == sign)
    return 0.5 * (1 + erf(sign * effect.mean / effect.sd / sqrt(2)))


def _clear_sign(effect: Belief | None) -> int:
    """0 where what was believed leaves it open."""
    return 0 if effect is None or abs(effect.mean) < effect.sd else _sign(effect.mean)


def _sign(effect: float | None) -> int:
    return 0 if not effect else 1 if effect > 0 else -1


def _is_finite(effect: Belief) -> bool:
    return isfinite(effect.mean) and isfinite(effect.sd)
