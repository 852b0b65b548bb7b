"""Following studies: each is read once, and at each look only its new facts are taken in.

For faces that stay: a server of many studies, a screen that is drawn again every second. What is costly to
work out of a study is kept until a new fact comes.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from move37.app.lookout import Lookout
from move37.app.study import Study, find_root
from move37.core.history import History
from move37.core.protocols import Believer, Fold
from move37.report.charts.later import Later
from move37.report.charts.track import Track
from move37.report.charts.turns import Turns
from move37.search.belief import LineagePosterior

KEPT = 8
"""So many studies are kept open; another one takes the place of the one that was not looked at for longest."""
_CHANGED_LISTED = 64

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """A study as of one look. Belongs to whoever looks, until the look ends."""

    study: Study
    track: Track
    turns: Turns
    later: Later
    _kept: dict[str, tuple[int, object]]

    @property
    def seq(self) -> int:
        """The number of its latest fact."""
        return self.study.journal.last

    def once(self, name: str, work_out: Callable[[], T]) -> T:
        """What this works out, under this name; worked out again only when there are new facts."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != self.seq:
            kept = self._kept[name] = (self.seq, work_out())
        found: Any = kept[1]
        return found

    @property
    def champion(self) -> int | None:
        """As `Study.champion`."""
        return self.once("champion", lambda: self.study.champion)


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What happened since an earlier look."""

    seq: int
    experiments: int
    posts: int
    changed: tuple[int, ...]
    """Experiments that new facts are about, the latest first; not all of very many."""


@dataclass(kw_only=True, slots=True)
class _Watched:
    lookout: Lookout = field(default_factory=Lookout)
    track: Track = field(default_factory=lambda: Track(History()))
    turns: Turns = field(default_factory=Turns)
    later: Later = field(default_factory=lambda: Later(LineagePosterior()))
    kept: dict[str, tuple[int, object]] = field(default_factory=dict[str, tuple[int, object]])
    looks: int = 0
    """Under way."""
    is_read: bool = False

    def folds(self, history: History, believer: Believer) -> Sequence[Fold]:
        self.track, self.is_read = Track(history), False
        self.turns, self.later = Turns(), Later(believer)
        self.kept.clear()
        return (self.track, self.turns, self.later)


class Following:
    """The studies of many directories. A context manager: leaving it closes them.

    From any thread; of one study, one look at a time. `read` is a `Read`: it may be handed to every function
    of `move37.app` that looks at a study.
    """

    def __init__(self, *, keep: int = KEPT) -> None:
        self._keep = keep
        self._turn = RLock()
        self._watched: OrderedDict[Path, _Watched] = OrderedDict()

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self, root: Path) -> Generator[Study]:
        """The study as it is now; see `read_study`, which it is instead of."""
        with self.look(root) as followed:
            yield followed.study

    @contextmanager
    def look(self, root: Path) -> Generator[Followed]:
        """The study in or above this directory, as it is now. Raises `StudyError` as `read_study` does."""
        root = find_root(root)
        watched = self._take(root)
        try:
            with watched.lookout.read(root) as study:
                watched.is_read = True
                yield Followed(
                    study=study,
                    track=watched.track,
                    turns=watched.turns,
                    later=watched.later,
                    _kept=watched.kept,
                )
        finally:
            self._leave(watched)

    def is_read(self, root: Path) -> bool:
        """Whether a look would be quick: the study was read, and only what is new is to be taken in."""
        with self._turn:
            watched = self._watched.get(find_root(root))
            return watched is not None and watched.is_read

    def news(self, root: Path, after: int) -> News:
        """What happened past fact number `after`."""
        with self.look(root) as followed:
            history = followed.study.history
            new = followed.seq > after
            return News(
                seq=followed.seq,
                experiments=len(history),
                posts=len(history.board),
                changed=tuple(followed.track.since(after, _CHANGED_LISTED)) if new else (),
            )

    def close(self) -> None:
        with self._turn:
            while self._watched:
                _, watched = self._watched.popitem()
                watched.lookout.close()

    def _take(self, root: Path) -> _Watched:
        with self._turn:
            if root not in self._watched:
                watched = self._watched[root] = _Watched()
                watched.lookout = Lookout(watched.folds)
            watched = self._watched[root]
            watched.looks += 1
            self._watched.move_to_end(root)
            self._forget()
            return watched

    def _leave(self, watched: _Watched) -> None:
        with self._turn:
            watched.looks -= 1
            self._forget()

    def _forget(self) -> None:
        """Close those that nobody has looked at for longest; one that is looked at now stays."""
        idle = [root for root, watched in self._watched.items() if not watched.looks]
        for root in idle[: max(0, len(self._watched) - self._keep)]:
            self._watched.pop(root).lookout.close()
