"""The few posts that bear on a program: those about its lineage, and those that share words with it.

Not a feed: a post that has nothing to do with the program is not picked, however new. Pure, and as quick in a
large study as in a small one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from move37.board.evidence import Evidence, SameEdit, evidence
from move37.board.index import PostIndex, words_of
from move37.board.telling import told
from move37.core.board import Board, Post
from move37.core.history import History
from move37.core.protocols import Believer, Request

FEW: Final = 5
_STEPS: Final = 12
"""Of a lineage."""
_OF_ONE: Final = 8
"""Posts about one experiment, the latest ones."""
_LATELY: Final = 128
_FOUND: Final = 24
_SHARED: Final = 2
"""So many words a post and a program have in common at least, or the name of a file."""
_OF_A_THREAD: Final = 2


class Picker:
    """Picks the posts of one study. For one thread at a time."""

    def __init__(self, edits: SameEdit) -> None:
        self._edits = edits
        self._index: PostIndex | None = None
        self._history: History | None = None

    def __call__(self, request: Request) -> Sequence[str]:
        """What to tell a proposer of the board, the most useful first."""
        history, beliefs = request.history, request.beliefs
        if not len(history.board):
            return ()
        return [
            told(history.board[id], found, history, beliefs, request.task.metric)
            for id, found in self.pick(
                history,
                beliefs,
                [parent.id for parent in request.parents],
                paths=request.files,
                goal=request.task.goal,
            )
        ]

    def pick(
        self,
        history: History,
        beliefs: Believer,
        parents: Sequence[int],
        *,
        paths: Iterable[str],
        goal: str,
        few: int = FEW,
    ) -> Sequence[tuple[int, Evidence]]:
        """The posts that bear on a change to these programs, with the evidence for each, the best first.

        paths: of the files that may be changed.
        """
        near = _about_lineage(history, parents)
        names = {name for path in paths for name in _names(path)}
        about = {*words_of(goal), *(w for id in parents for w in words_of(history[id].hypothesis))}
        for place, id in enumerate(self._indexed(history).search(about | names, _FOUND)):
            shared = set(words_of(history.board[id].posted.text))
            if len(shared & about) >= _SHARED or shared & names:
                near[id] = near.get(id, 0.0) + 1.0 - place / _FOUND
        judged = [
            (near[id] + _worth(history.board[id], found), id, found)
            for id in near
            for found in (evidence(history.board[id], history, beliefs, self._edits),)
        ]
        return list(_apart(history, sorted(judged, key=lambda one: (-one[0], -one[1]))))[:few]

    def _indexed(self, history: History) -> PostIndex:
        if self._index is None or self._history is not history:
            self._index, self._history = PostIndex(history.board), history
        return self._index


def _about_lineage(history: History, parents: Sequence[int]) -> dict[int, float]:
    """Posts about the programs, what they were made from, and what was made of them; and how near that is."""
    board = history.board
    near: dict[int, float] = {}
    for parent in parents:
        at: int | None = parent
        for step in range(_STEPS):
            if at is None:
                break
            for id in _latest_about(board, at):
                near[id] = max(near.get(id, 0.0), 3.0 if step == 0 else 2.0 - step / _STEPS)
            at = next(iter(history[at].parents), None)
    for post in board.posts[-_LATELY:]:
        if any(parents[0] in history[one].parents for one in post.experiments):
            near[post.id] = max(near.get(post.id, 0.0), 2.0)
    return {id: how for id, how in near.items() if board[id].retracted is None}


def _latest_about(board: Board, experiment: int) -> Iterable[int]:
    """The latest posts about an experiment: of those with one text, or of one thread, the latest few."""
    found: list[int] = []
    texts: set[str] = set()
    threads: Counter[int] = Counter()
    for id in reversed(board.about(experiment)[-_LATELY:]):
        root, text = board.root(id), board[id].posted.text
        if text not in texts and threads[root] < _OF_A_THREAD:
            found.append(id)
            texts.add(text)
            threads[root] += 1
        if len(found) >= _OF_ONE:
            break
    return found


def _worth(post: Post, found: Evidence) -> float:
    """What is borne out comes first, and what a candidate printed last. Never more than being near is."""
    kinds = {"lesson": 0.4, "finding": 0.4, "question": -0.4}
    taints = {"person": 0.2, "output": -0.4}
    weight = max(-1.0, min(1.0, 0.5 * found.weight))
    return weight + kinds.get(post.posted.kind, 0.0) + taints.get(post.posted.taint, 0.0)


def _apart(
    history: History, judged: Iterable[tuple[float, int, Evidence]]
) -> Iterator[tuple[int, Evidence]]:
    """No thread, and no text, fills the place of all others."""
    threads: dict[int, int] = {}
    texts: set[str] = set()
    for _, id, found in judged:
        root, text = history.board.root(id), history.board[id].posted.text
        if threads.get(root, 0) < _OF_A_THREAD and text not in texts:
            threads[root] = threads.get(root, 0) + 1
            texts.add(text)
            yield id, found


def _names(path: str) -> Sequence[str]:
    """What people call a file: `train` for `src/train.py`."""
    return words_of(PurePosixPath(path).stem)
