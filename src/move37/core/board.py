"""The board: what people, proposers and agents post about a study, folded from its facts.

Posts are numbered from 1 in the order in which they were taken in. What is retracted stays here, and is
marked. Reads nothing, writes nothing; what the posts are worth is not known here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from move37.core.errors import StudyError
from move37.core.facts import Claimed, Posted, Retracted


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A post as it stands."""

    posted: Posted
    at: float
    """Seconds since 1970."""
    retracted: Retracted | None = None
    claimed_by: str | None = None
    """Who works on it, if it is a hypothesis and somebody does."""

    @property
    def id(self) -> int:
        return self.posted.post

    @property
    def experiments(self) -> tuple[int, ...]:
        return tuple(link.experiment for link in self.posted.links)


class Board:
    """All posts of a study. Only `History` adds to it."""

    def __init__(self) -> None:
        self._posts: list[Post] = []
        self._replies: dict[int, list[int]] = {}
        self._about: dict[int, list[int]] = {}
        self._roots: list[int] = []
        self._tickets: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._posts)

    def __getitem__(self, post: int) -> Post:
        if not 1 <= post <= len(self._posts):
            raise StudyError(
                f"there is no post p{post}; this study has p1 to p{len(self._posts)}"
                if self._posts
                else f"there is no post p{post}; nobody has posted anything yet"
            )
        return self._posts[post - 1]

    @property
    def posts(self) -> Sequence[Post]:
        """All of them, retracted ones included, in order. Do not modify."""
        return self._posts

    def has(self, ticket: str) -> bool:
        """Whether what came in with this ticket is here already."""
        return ticket in self._tickets

    def by_ticket(self, ticket: str) -> int | None:
        """The post that came of a ticket, or that it retracted or claimed; `None`: it is not known here."""
        return self._tickets.get(ticket)

    def about(self, experiment: int) -> Sequence[int]:
        """The posts that link to an experiment, in order. Do not modify."""
        return self._about.get(experiment, ())

    def replies(self, post: int) -> Sequence[int]:
        """What replies to a post directly, in order. Do not modify."""
        return self._replies.get(post, ())

    def root(self, post: int) -> int:
        """The post that began the thread."""
        self[post]
        return self._roots[post - 1]

    def thread(self, post: int) -> Iterator[tuple[int, int]]:
        """A post and all that replies to it, each with its depth, every reply below what it replies to."""
        self[post]
        left = [(post, 0)]
        while left:
            one, depth = left.pop()
            yield one, depth
            left += [(reply, depth + 1) for reply in reversed(self.replies(one))]

    def add(self, fact: Posted | Retracted | Claimed, at: float) -> None:
        """Take the next fact. Raises `StudyError` when it contradicts the ones before it."""
        match fact:
            case Posted():
                self._append(Post(posted=fact, at=at))
            case Retracted():
                self._replace(replace(self[fact.post], retracted=fact))
            case Claimed():
                claimed_by = None if fact.released else fact.author
                self._replace(replace(self[fact.post], claimed_by=claimed_by))
        self._tickets.setdefault(fact.ticket, fact.post)

    def _append(self, post: Post) -> None:
        if post.id != len(self._posts) + 1:
            raise StudyError(
                f"the facts do not fit together: post p{post.id} was written "
                f"where p{len(self._posts) + 1} comes next"
            )
        above = post.posted.reply_to
        if above is not None:
            self[above]
            self._replies.setdefault(above, []).append(post.id)
        self._roots.append(post.id if above is None else self._roots[above - 1])
        self._posts.append(post)
        for experiment in dict.fromkeys(post.experiments):
            self._about.setdefault(experiment, []).append(post.id)

    def _replace(self, post: Post) -> None:
        self._posts[post.id - 1] = post
