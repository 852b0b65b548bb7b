"""Full-text search over the posts of a study: SQLite's FTS5, in memory, made from the history alone.

It catches up with the board when it is asked. A word that most posts hold says nothing of any of them and is
dear to rank by, so that the rarer words of a question are looked for first.
"""

import re
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from move37.core.board import Board, Post

_RANKED: Final = 2_000
"""So many matches are ranked at the most, about."""
_WORD: Final = re.compile(r"[^\W_]{2,}")
_IDLE: Final = frozenset(
    [
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "for",
        "from",
        "had",
        "has",
        "have",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "less",
        "make",
        "may",
        "more",
        "not",
        "of",
        "on",
        "or",
        "should",
        "so",
        "than",
        "that",
        "the",
        "then",
        "this",
        "to",
        "use",
        "was",
        "we",
        "were",
        "when",
        "which",
        "will",
        "with",
    ]
)


def words_of(text: str) -> list[str]:
    """The words of a text that say something of what it is about, each once, in lower case."""
    found = dict.fromkeys(_WORD.findall(text.lower()))
    return [word for word in found if word not in _IDLE and not word.isdecimal()]


class PostIndex:
    """The posts of one board, by their words. For one thread at a time."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._known = 0
        self._counts: Counter[str] = Counter()
        self._index: sqlite3.Connection | None = None

    def search(self, words: Iterable[str], limit: int) -> Sequence[int]:
        """The posts that have most to do with these words, the best first; retracted ones are none of them."""
        index = self._caught_up()
        rare = sorted((self._counts[word], word) for word in set(words) if self._counts[word])
        asked, matches = list[str](), 0
        for count, word in rare:
            if asked and matches + count > _RANKED:
                break
            asked.append(f'"{word}"')
            matches += count
        if not asked:
            return ()
        # Words of which each is nearly everywhere: the latest posts, as ranking all of them takes long.
        order = "rank, rowid DESC" if matches <= _RANKED else "rowid DESC"
        rows = index.execute(
            f"SELECT rowid FROM posts WHERE posts MATCH ? ORDER BY {order} LIMIT ?",
            (" OR ".join(asked), 4 * limit),
        )
        found = [id for (id,) in rows if self._board[id].retracted is None]
        return found[:limit]

    def _caught_up(self) -> sqlite3.Connection:
        if self._index is None:
            # What is made by one thread may be thrown away by another.
            self._index = sqlite3.connect(":memory:", check_same_thread=False)
            weakref.finalize(self, self._index.close)
            self._index.execute(
                "CREATE VIRTUAL TABLE posts USING fts5(text, content='', tokenize='unicode61')"
            )
        new = self._board.posts[self._known :]
        if new:
            with self._index:
                self._index.executemany(
                    "INSERT INTO posts (rowid, text) VALUES (?, ?)", map(self._row, new)
                )
            self._known = len(self._board)
        return self._index

    def _row(self, post: Post) -> tuple[int, str]:
        # The same words are counted as are indexed, so that each can be found.
        words = list(dict.fromkeys(_WORD.findall(post.posted.text.lower())))
        self._counts.update(words)
        return post.id, " ".join(_WORD.findall(post.posted.text.lower()))


def holding(board: Board, text: str, limit: int) -> Sequence[int]:
    """The latest posts that hold a text as it stands, case apart: for what no index cuts into words."""
    sought = text.casefold()
    found: list[int] = []
    for post in reversed(board.posts):
        if len(found) >= limit:
            break
        if post.retracted is None and sought in post.posted.text.casefold():
            found.append(post.id)
    return found
