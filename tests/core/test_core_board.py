"""The board is a fold: whatever is posted, in whatever order that can happen, threads hold together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.board import Board
from move37.core.errors import StudyError
from move37.core.facts import Claimed, EpochStarted, Posted, Retracted, Row, SessionStarted
from move37.core.history import History
from move37.core.records import Link


def posted(post: int, reply_to: int | None = None, *about: int, kind: str = "lesson") -> Posted:
    return Posted(
        post=post,
        ticket=f"t{post}",
        kind=kind,  # pyright: ignore[reportArgumentType]
        text=f"text {post}",
        author="ada",
        role="person",
        taint="person",
        reply_to=reply_to,
        links=tuple(Link(experiment=one) for one in about),
    )


Step = Posted | Retracted | Claimed


@st.composite
def sequences(draw: st.DrawFn) -> list[Step]:
    """Posts, retractions and claims, each of something that is there by then."""
    steps: list[Step] = []
    posts = 0
    for number in range(draw(st.integers(0, 40))):
        what = draw(st.sampled_from(["post", "post", "post", "retract", "claim", "release"]))
        if what == "post" or not posts:
            posts += 1
            above = draw(st.none() | st.integers(1, posts - 1)) if posts > 1 else None
            steps.append(posted(posts, above, *draw(st.lists(st.integers(0, 5), max_size=3))))
        else:
            post, ticket = draw(st.integers(1, posts)), f"n{number}"
            if what == "retract":
                steps.append(Retracted(post=post, ticket=ticket, author="ada"))
            else:
                steps.append(
                    Claimed(post=post, ticket=ticket, author="ada", released=what == "release")
                )
    return steps


@given(sequences())
def test_threads_are_consistent_whatever_is_posted(steps: list[Step]) -> None:
    board = Board()
    for at, step in enumerate(steps):
        board.add(step, float(at))
    texts = [step for step in steps if isinstance(step, Posted)]
    assert [post.posted for post in board.posts] == texts
    retracted = {step.post for step in steps if isinstance(step, Retracted)}
    assert {post.id for post in board.posts if post.retracted} == retracted
    roots = [post.id for post in board.posts if post.posted.reply_to is None]
    threads = {root: list(board.thread(root)) for root in roots}
    # Every post is in one thread, once, below what it replies to.
    told = [id for thread in threads.values() for id, _ in thread]
    assert sorted(told) == [post.id for post in board.posts]
    for root, thread in threads.items():
        depths = dict(thread)
        assert depths[root] == 0
        for id, depth in thread:
            assert board.root(id) == root
            above = board[id].posted.reply_to
            assert depth == (0 if above is None else depths[above] + 1)
            assert above is None or id in board.replies(above)
    for experiment in range(6):
        about = [post.id for post in board.posts if experiment in post.experiments]
        assert list(board.about(experiment)) == about
    for step in steps:
        assert board.by_ticket(step.ticket) == step.post


@given(sequences(), st.randoms())
def test_what_does_not_fit_is_refused_and_changes_nothing(
    steps: list[Step], random: object
) -> None:
    board = Board()
    for at, step in enumerate(steps):
        board.add(step, float(at))
    before = list(board.posts)
    many = len(before)
    wrong = [
        posted(many + 2),
        posted(many),
        posted(many + 1, many + 1),
        posted(many + 1, 0),
        Retracted(post=many + 1, ticket="x", author=""),
        Claimed(post=0, ticket="x", author=""),
    ]
    for step in wrong:
        with pytest.raises(StudyError):
            board.add(step, 0.0)
    assert list(board.posts) == before
    assert not board.has("x")


def test_a_long_thread_of_replies_to_replies_is_walked() -> None:
    board = Board()
    for id in range(1, 5001):
        board.add(posted(id, id - 1 or None), 0.0)
    assert [depth for _, depth in board.thread(1)] == list(range(5000))
    assert board.root(5000) == 1


def test_a_post_about_an_experiment_that_is_not_there_contradicts_the_facts() -> None:
    history = History()
    history.add(Row(1, 0.0, posted(1)))
    with pytest.raises(StudyError, match="x3"):
        history.add(Row(2, 0.0, posted(2, None, 3)))
    assert len(history.board) == 1


def test_what_is_posted_while_nobody_works_is_no_time_worked() -> None:
    history = History()
    epoch = EpochStarted(
        epoch=0, fingerprint="f", task={}, baseline=0, commit="c", identity="i", seed=1
    )
    history.add(Row(1, 0.0, SessionStarted(version="0", workers=1, sandbox="")))
    history.add(Row(2, 10.0, epoch))  # and the engine was killed
    history.add(Row(3, 5000.0, posted(1, None, 0)))
    assert history.seconds_worked == 10.0
