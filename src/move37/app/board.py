"""`board`: what is posted about a study, and posting.

A note goes into the study's letter box, synced. The engine that works on the study takes it from there; where
none does, whoever wrote it stores it, without measuring anything.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from move37.app.inbox import Inbox, spool_of
from move37.app.letters import user_name
from move37.app.posting import fact_of
from move37.app.study import STUDY, Read, Study, find_root, is_working, read_store, read_study
from move37.core.board import Post
from move37.core.errors import Refused, StudyError, StudyLocked
from move37.core.facts import Claimed, Posted, Retracted, Steered
from move37.core.journal import Journal
from move37.core.records import PostKind, Role, Taint
from move37.report.board import (
    BoardView,
    Noted,
    PostOrder,
    PostView,
    post_view,
    ranked,
    thread_views,
)
from move37.search.belief import LineagePosterior
from move37.store.letter import Note, unfit
from move37.store.spool import Spool, is_ticket

_PATIENCE_SECONDS: Final = 2.0
"""An engine that has nothing better to do takes a note in within this time."""
_LOOK_SECONDS: Final = 0.05


# --- writing -------------------------------------------------------------------------------------


def post(
    root: Path,
    kind: PostKind,
    text: str,
    *,
    author: str | None = None,
    role: Role = "person",
    taint: Taint | None = None,
    reply_to: int | None = None,
    about: Sequence[int] = (),
    effect: float | None = None,
    queued: bool = False,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Noted:
    """Post on the board of a study.

    author: the user when nobody is named. taint: whose words they are; a person's or, of an agent, a model's
    unless said otherwise. about: experiments, besides those that the text names. effect: on the metric, in its
    own unit. queued: an idea, to be tried by whoever proposes in words. patience_seconds: wait so long for an
    engine to take it in.
    Raises `Refused` for a post that cannot be taken, with the reason.
    """
    note = Note(
        does="post",
        author=(author or user_name()).strip(),
        role=role,
        taint=taint or ("person" if role == "person" else "model"),
        kind=kind,
        text=text,
        post=reply_to,
        about=tuple(about),
        effect=effect,
        queued=queued,
    )
    return _hand_in(root, note, patience_seconds)


def retract(
    root: Path,
    post: int,
    *,
    reason: str = "",
    author: str | None = None,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Noted:
    """Take a post back: it stays stored, and is shown to those alone who ask for it."""
    who = (author or user_name()).strip()
    note = Note(does="retract", author=who, text=reason, post=post)
    return _hand_in(root, note, patience_seconds)


def claim(
    root: Path,
    post: int,
    *,
    release: bool = False,
    author: str | None = None,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Noted:
    """Say that you work on a hypothesis, so that nobody else does the same; or that you do no more."""
    who = (author or user_name()).strip()
    note = Note(does="release" if release else "claim", author=who, post=post)
    return _hand_in(root, note, patience_seconds)


def deliver(root: Path) -> None:
    """Store the notes and orders in the letter box. Raises `StudyLocked` where somebody else works on the study."""
    from move37.store.sqlite import SqliteStore

    spool = spool_of(root)
    with SqliteStore.open(root / STUDY, write=True) as store:
        beliefs = LineagePosterior()
        journal = Journal(store, [beliefs])
        inbox = Inbox(spool, journal.history, beliefs, is_live=False)
        while _take_some(journal, inbox):
            pass


def _take_some(journal: Journal, inbox: Inbox) -> int:
    """Store so many of them as the box gives at a time. Returns how many."""
    facts = 0
    for facts, (fact, attachments) in enumerate(inbox.take_words(), 1):  # noqa: B007
        journal.record(fact, attachments)
    return facts


def _hand_in(root: Path, note: Note, patience_seconds: float) -> Noted:
    root = find_root(root)
    with read_study(root) as study:
        if note.effect is not None:
            note = replace(note, effect=study.task.metric.score(note.effect))
        if (reason := unfit(note)) is not None:
            raise Refused(reason)
        fact_of("", note, study.history, study.believer)
    spool = spool_of(root)
    ticket = spool.put(note)
    see_to(root, spool, ticket, patience_seconds)
    return _noted(root, ticket)


def see_to(root: Path, spool: Spool, ticket: str, patience_seconds: float) -> None:
    """Wait until a note or an order is recorded or set aside, or nobody is there to do so.

    Where no engine is at work, it is recorded here.
    """
    deadline = time.monotonic() + patience_seconds
    store, last = read_store(root), 0
    try:
        while True:
            if (working := is_working(root)) is False and may_write(root):
                with suppress(StudyLocked):  # somebody was quicker: an engine, or another note
                    deliver(root)
            for row in store.rows(after=last):
                last = row.seq
                fact = row.fact
                is_word = isinstance(fact, Posted | Retracted | Claimed | Steered)
                if is_word and fact.ticket == ticket:
                    return
            nobody_will = not working and not may_write(root)
            if nobody_will or spool.refusal(ticket) or time.monotonic() >= deadline:
                return
            time.sleep(_LOOK_SECONDS)
    finally:
        store.close()


def may_write(root: Path) -> bool:
    """Whether the study is ours; another user can only hand in."""
    return os.access(root / STUDY, os.W_OK)


def _noted(root: Path, ticket: str) -> Noted:
    """How far a note is."""
    with read_study(root) as study:
        found = study.history.board.by_ticket(ticket)
        if found is not None:
            shown = _view(study, study.history.board[found])
            return Noted(ticket=ticket, state="stored", reason="", post=shown)
    if (reason := spool_of(root).refusal(ticket)) is not None:
        return Noted(ticket=ticket, state="refused", reason=reason, post=None)
    told = "whoever works on the study takes it in" if is_working(root) else (
        "it waits in the letter box for the study's owner: the next `move37 run` or `board post` takes it in"
    )  # fmt: skip
    return Noted(ticket=ticket, state="waiting", reason=told, post=None)


# --- looking -------------------------------------------------------------------------------------


def board(
    root: Path,
    *,
    kind: PostKind | None = None,
    about: int | None = None,
    order: PostOrder = "evidence",
    limit: int = 20,
    retracted: bool = False,
    read: Read = read_study,
) -> BoardView:
    """The posts of a study. kind, about: only those of a kind, only those about an experiment.

    retracted: show those as well. Raises `StudyError` where there is no study.
    """
    with read(find_root(root)) as study:
        all_posts = study.history.board
        chosen = (
            all_posts.posts if about is None else [all_posts[one] for one in all_posts.about(about)]
        )
        wanted = [
            one
            for one in chosen
            if kind in (None, one.posted.kind) and (retracted or one.retracted is None)
        ]
        return _board_view(study, wanted, order, limit)


def thread(root: Path, what: str, *, read: Read = read_study) -> BoardView:
    """A post (`p3`, or the ticket of its note) and all that replies to it. Raises `StudyError`."""
    with read(find_root(root)) as study:
        board = study.history.board
        found = board.by_ticket(what) if is_ticket(what) else None
        if found is None and is_ticket(what):
            noted = _noted(study.root, what)
            raise StudyError(f"{what} is not on the board: {noted.reason}")
        posts = [
            (_view(study, board[id]), depth) for id, depth in board.thread(found or _number(what))
        ]
        return _of(study, thread_views(posts), total=len(posts))


def search_board(root: Path, text: str, *, limit: int = 20, read: Read = read_study) -> BoardView:
    """The posts that have most to do with these words, the best first."""
    from move37.board.index import PostIndex, holding, words_of

    with read(find_root(root)) as study:
        board = study.history.board
        index = PostIndex(board)
        found = index.search(words_of(text), limit) or holding(board, text.strip(), limit)
        views = tuple(_view(study, board[id]) for id in found)
        return _of(study, views, total=len(views))


def _board_view(study: Study, wanted: Sequence[Post], order: PostOrder, limit: int) -> BoardView:
    history, beliefs = study.history, study.believer
    shown = ranked(wanted, history, beliefs, study.edits, order)[:limit]
    views = tuple(
        post_view(one, history, beliefs, study.task.metric, study.edits, known=found)
        for one, found in shown
    )
    return _of(study, views, total=len(wanted))


def _of(study: Study, views: tuple[PostView, ...], *, total: int) -> BoardView:
    board = study.history.board
    return BoardView(
        posts=views,
        total=total,
        retracted=sum(one.retracted is not None for one in board.posts),
        waiting=sum(not board.has(ticket) for ticket in spool_of(study.root).tickets(Note)),
    )


def _view(study: Study, one: Post) -> PostView:
    return post_view(one, study.history, study.believer, study.task.metric, study.edits)


def _number(what: str) -> int:
    digits = what.removeprefix("p")
    if not (digits.isascii() and digits.isdigit()):
        raise StudyError(f"{what!r} is no post; write it as `p3`")
    return int(digits)
