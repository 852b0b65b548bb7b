"""Notes for the board, read into facts; refused where the study has not what they speak of."""

from itertools import islice

from move37.board.evidence import seen
from move37.board.links import named_in
from move37.core.board import Post
from move37.core.errors import Refused, StudyError
from move37.core.facts import Claimed, Posted, Retracted
from move37.core.history import History
from move37.core.protocols import Believer
from move37.store.letter import LINKS, Note


def fact_of(
    ticket: str, note: Note, history: History, beliefs: Believer
) -> Posted | Retracted | Claimed:
    """What a note comes to, as things stand. Raises `Refused`, with the reason."""
    match note.does:
        case "post":
            return _posted(ticket, note, history, beliefs)
        case "retract":
            post = _standing(note, history)
            if note.is_guests and post.posted.author != note.author:
                raise Refused(
                    f"p{post.id} is by {post.posted.author!r}; its author or the study's owner may retract it"
                )
            return Retracted(
                post=post.id, ticket=ticket, author=note.author, reason=note.text.strip()
            )
        case "claim" | "release":
            return _claimed(ticket, note, history)


def _posted(ticket: str, note: Note, history: History, beliefs: Believer) -> Posted:
    text = note.text.strip()
    if note.queued and note.is_guests:
        raise Refused(
            "only the study's owner steers it; hand the idea in as a post, with `move37 board post idea`"
        )
    for experiment in note.about:
        if not 0 <= experiment < len(history):
            raise Refused(f"it is about x{experiment}, which is no experiment of this study")
    named = (one for one in named_in(text) if one < len(history))
    about = islice(dict.fromkeys((*note.about, *named)), LINKS)
    return Posted(
        post=len(history.board) + 1,
        ticket=ticket,
        kind=note.kind,
        text=text,
        author=note.author,
        role=note.role,
        taint=note.taint,
        reply_to=None if note.post is None else _standing(note, history).id,
        links=tuple(seen(experiment, history, beliefs) for experiment in about),
        effect=note.effect,
        queued=note.queued,
    )


def _claimed(ticket: str, note: Note, history: History) -> Claimed:
    post = _standing(note, history)
    if post.posted.kind != "hypothesis":
        raise Refused(
            f"p{post.id} is no hypothesis but of kind {post.posted.kind!r}; only those are claimed"
        )
    is_theirs = post.claimed_by not in (None, note.author)
    if note.does == "claim" and is_theirs:
        raise Refused(
            f"p{post.id} is claimed by {post.claimed_by!r} already; choose another, or reply to it"
        )
    if note.does == "release" and (post.claimed_by is None or (is_theirs and note.is_guests)):
        whose = "nobody" if post.claimed_by is None else repr(post.claimed_by)
        raise Refused(f"p{post.id} is claimed by {whose}, so there is nothing of yours to release")
    return Claimed(post=post.id, ticket=ticket, author=note.author, released=note.does == "release")


def _standing(note: Note, history: History) -> Post:
    """The post that a note speaks of, which has not been retracted."""
    assert note.post is not None
    try:
        post = history.board[note.post]
    except StudyError as error:
        raise Refused(str(error)) from error
    if post.retracted is not None:
        raise Refused(f"p{post.id} was retracted by {post.retracted.author!r}; post what is new")
    return post
