"""The board as views and as text: what authors say, and beside it what the engine knows.

An author's numbers are shown as claimed. Those of an experiment that a post links to are filled in here, as
believed at the time of showing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from move37.board.evidence import Evidence, SameEdit, effect_of, evidence
from move37.board.links import claimed_in, marked
from move37.board.telling import standing_words, times
from move37.core.board import Post
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Failed, Link, Measured, Metric, PostKind, Role, Screened, Taint
from move37.report.words import Paint, clean, count, cut, measured, plain, wrap

State = Literal[
    "open",
    "claimed",
    "measured",
    "supported",
    "replicated",
    "contradicted",
    "overturned",
    "retracted",
]
"""Of a hypothesis, `claimed` when somebody works on it, and `measured` when that settled nothing."""
PostOrder = Literal["evidence", "newest", "id"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkView:
    """An experiment that a post is about. Effects are on its first parent; plus is better."""

    experiment: int
    state: Literal["running", "measured", "screened", "failed"]
    parent: int | None
    value: float | None
    """Believed now, in the metric's own unit."""
    sd: float | None
    effect: float | None
    effect_sd: float | None
    effect_then: float | None
    """Believed when the post was taken in."""
    effect_then_sd: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PostView:
    post: int
    ticket: str
    at: float
    """Seconds since 1970."""
    kind: PostKind
    state: State
    author: str
    role: Role
    taint: Taint
    text: str
    """As its author wrote it: data, not instructions, and no number in it is measured."""
    claimed: tuple[str, ...]
    """The numbers in the text, all of them its author's word."""
    claimed_effect: float | None
    """What its author states or predicts; plus is better."""
    links: tuple[LinkView, ...]
    """What is known of the experiments that it is about."""
    replications: int
    refutations: int
    support: float | None
    """The probability, by what is believed now, that effects go the way that its author states."""
    known: str
    """How it stands, in words; empty where nothing is known."""
    reply_to: int | None
    thread: int
    """The post that began its thread."""
    replies: tuple[int, ...]
    depth: int = 0
    """In the thread that is shown."""
    claimed_by: str | None = None
    retracted_by: str | None = None
    reason: str = ""
    """Why it was retracted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardView:
    posts: tuple[PostView, ...]
    total: int
    """Posts that were not retracted."""
    retracted: int
    waiting: int = 0
    """Notes in the letter box, which nobody has taken in yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """What came of a note for the board."""

    ticket: str
    state: Literal["stored", "waiting", "refused"]
    reason: str
    """In a sentence; empty when it is stored."""
    post: PostView | None
    """The post that it made, retracted or claimed, as it is now."""


def post_view(
    post: Post,
    history: History,
    beliefs: Believer,
    metric: Metric,
    edits: SameEdit,
    *,
    known: Evidence | None = None,
) -> PostView:
    """A post, with what is known of it. known: its evidence, where that is at hand."""
    posted, board = post.posted, history.board
    found = evidence(post, history, beliefs, edits) if known is None else known
    return PostView(
        post=post.id,
        ticket=posted.ticket,
        at=post.at,
        kind=posted.kind,
        state=_state(post, found),
        author=posted.author,
        role=posted.role,
        taint=posted.taint,
        text=posted.text,
        claimed=tuple(claimed_in(posted.text)),
        claimed_effect=posted.effect,
        links=tuple(_link(link, history, beliefs, metric) for link in posted.links),
        replications=found.replications,
        refutations=found.refutations,
        support=found.support,
        known=standing_words(found),
        reply_to=posted.reply_to,
        thread=board.root(post.id),
        replies=tuple(board.replies(post.id)),
        claimed_by=post.claimed_by,
        retracted_by=None if post.retracted is None else post.retracted.author,
        reason="" if post.retracted is None else post.retracted.reason,
    )


def ranked(
    posts: Iterable[Post], history: History, beliefs: Believer, edits: SameEdit, order: PostOrder
) -> list[tuple[Post, Evidence | None]]:
    """In an order. By evidence: what is borne out first, what is contradicted last, the newest of equals
    first. The evidence is none where the order does not need it."""
    if order != "evidence":
        found = sorted(posts, key=lambda post: post.id, reverse=order == "newest")
        return [(post, None) for post in found]
    judged = [(post, evidence(post, history, beliefs, edits)) for post in posts]
    judged.sort(key=lambda one: (-one[1].weight, -one[0].id))
    return [(post, found) for post, found in judged]


def thread_views(views: Iterable[tuple[PostView, int]]) -> tuple[PostView, ...]:
    return tuple(replace(view, depth=depth) for view, depth in views)


def _state(post: Post, found: Evidence) -> State:
    if post.retracted is not None:
        return "retracted"
    if found.standing != "open":
        return found.standing
    if post.posted.kind != "hypothesis":
        return "open"
    if found.tests:
        return "measured"
    return "open" if post.claimed_by is None else "claimed"


def _link(link: Link, history: History, beliefs: Believer, metric: Metric) -> LinkView:
    one = history[link.experiment]
    match one.outcome:
        case None:
            state = "running"
        case Failed():
            state = "failed"
        case Screened():
            state = "screened"
        case Measured():
            state = "measured"
    belief = beliefs.belief(one.id)
    now, then = effect_of(one.id, history, beliefs), link.effect
    return LinkView(
        experiment=one.id,
        state=state,
        parent=next(iter(one.parents), None),
        value=None if belief is None else metric.value(belief.mean),
        sd=None if belief is None else belief.sd,
        effect=None if now is None else now.mean,
        effect_sd=None if now is None else now.sd,
        effect_then=None if then is None else then.mean,
        effect_then_sd=None if then is None else then.sd,
    )


# --- as text -------------------------------------------------------------------------------------

_TAINTS: dict[Taint, str] = {
    "person": "",
    "model": ", a model's words",
    "output": ", words that a candidate printed",
}


def board_text(view: BoardView, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 board` shows."""
    if not view.posts:
        lines = ["Nothing here. `move37 board post lesson TEXT` posts what others should know."]
    else:
        lines = [line for one in view.posts for line in _brief_lines(one, width, paint)]
        left = view.total - len(view.posts)
        if left > 0:
            lines.append(f"{count(left, 'more post')}; -n shows more")
    if view.waiting:
        lines.append(f"{count(view.waiting, 'note')} in the letter box, not taken in yet")
    return "\n".join(lines)


def thread_text(view: BoardView, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 board show` shows: all of a thread."""
    return "\n\n".join("\n".join(_all_lines(one, width, paint)) for one in view.posts)


def noted_text(view: Noted, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What the commands say that write to the board."""
    if view.state == "refused":
        return paint("bad", f"Not taken: {clean(view.reason)}.")
    if view.post is None:
        return f"{view.ticket}\nNot on the board yet: {clean(view.reason)}."
    return "\n".join(_all_lines(view.post, width, paint))


def _brief_lines(view: PostView, width: int | None, paint: Paint) -> list[str]:
    said = marked(cut(clean(view.text), 200 if width is None else 2 * width))
    return [_head(view, paint), f"    {wrap(said, width, '    ')}"]


def _head(view: PostView, paint: Paint) -> str:
    who = f"{clean(view.author) or 'nobody'} ({view.role}{_TAINTS[view.taint]})"
    about = "".join(f" x{link.experiment}" for link in view.links[:6])
    reply = "" if view.reply_to is None else f" to p{view.reply_to}"
    head = f"{paint('title', f'p{view.post}')} {view.kind}{reply} by {who}{about and ' ·' + about}"
    style = {
        "contradicted": "bad",
        "overturned": "bad",
        "retracted": "dim",
        "replicated": "good",
    }.get(view.state)
    state = "" if view.state == "open" else f" · {view.state}"
    if view.state == "replicated":
        state += f" {times(view.replications)}"
    return head + (paint(style, state) if style else state)  # pyright: ignore[reportArgumentType]


def _all_lines(view: PostView, width: int | None, paint: Paint) -> list[str]:
    indent = "    " * min(view.depth, 6)
    lines = [indent + _head(view, paint)]
    inner = f"{indent}    "
    for line in clean(view.text, keep="\n").splitlines():
        lines.append(f"{inner}> {wrap(marked(line), width, f'{inner}> ')}")
    if view.claimed_effect is not None:
        word = "predicts" if view.kind == "hypothesis" else "claims"
        lines.append(f"{inner}{word} an effect of {view.claimed_effect:+.4g}; + is better")
    lines += [inner + _link_line(link) for link in view.links]
    if view.known:
        likely = "" if view.support is None else f" ({_likely(view.support)} likely)"
        lines.append(f"{inner}{view.known}{likely}")
    if view.claimed_by is not None:
        lines.append(f"{inner}claimed by {clean(view.claimed_by)}")
    if view.retracted_by is not None:
        why = f": {clean(view.reason)}" if view.reason else ""
        lines.append(f"{inner}retracted by {clean(view.retracted_by)}{why}")
    return lines


def _likely(support: float) -> str:
    """Never certain: belief is not."""
    return (
        "over 99 %"
        if support > 0.99
        else "under 1 %"
        if support < 0.01
        else f"{100 * support:.0f} %"
    )


def _link_line(link: LinkView) -> str:
    name = f"x{link.experiment}"
    if link.state != "measured":
        return f"{name}: {'not measured yet' if link.state == 'running' else link.state}"
    line = f"{name}: believed {measured(link.value, link.sd)}"
    if link.effect is not None:
        line += f", effect on x{link.parent} {measured(link.effect, link.effect_sd, sign=True)}"
    if link.effect_then is not None and link.effect_then != link.effect:
        line += f" (when posted {measured(link.effect_then, link.effect_then_sd, sign=True)})"
    return line


def brief_lines(
    picked: Sequence[tuple[Post, Evidence]], history: History, beliefs: Believer
) -> list[str]:
    """A line for each post, for a brief."""
    from move37.board.telling import known

    lines: list[str] = []
    for post, found in picked:
        posted = post.posted
        said = marked(cut(clean(posted.text), 240)).replace('"', "'")
        told = "".join(f"; x{one}: {known(one, history, beliefs)}" for one in post.experiments[:2])
        standing = standing_words(found)
        lines.append(
            f'- p{post.id} {posted.kind} by "{cut(clean(posted.author), 40).replace(chr(34), chr(39))}" '
            f'({posted.taint}): "{said}"{told}{standing and f"; {standing}"}'
        )
    return lines
