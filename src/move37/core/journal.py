"""The journal: the one door through which a fact enters a study.

It is stored first and folded second, so that what a fold knows is always on disk already.
"""

from collections.abc import Mapping, Sequence

from move37.core.facts import Fact, Row
from move37.core.history import History
from move37.core.protocols import Fold, Store


class Journal:
    """A store with its history and its folds kept in step."""

    def __init__(
        self, store: Store, folds: Sequence[Fold] = (), history: History | None = None
    ) -> None:
        """Replays what is stored. A fold may rely on the history and on the folds before it.

        history: an empty one, where a fold has to know it beforehand.
        """
        self.store = store
        self.history = History() if history is None else history
        self._folds: list[Fold] = list(folds)
        self._last = 0
        self.catch_up()

    @property
    def last(self) -> int:
        """The row of the latest fact that everyone was told; 0 where there is none."""
        return self._last

    def catch_up(self) -> None:
        """Take in what somebody else has stored since: for those who only look."""
        for row in self.store.rows(self._last):
            self._take(row)

    def follow(self, fold: Fold) -> None:
        """Tell this fold, too, what happens from now on."""
        self._folds.append(fold)

    def record(
        self, fact: Fact, attachments: Mapping[str, bytes] | None = None, *, synced: bool = True
    ) -> None:
        """Store a fact for good, then tell everyone.

        synced: wait until a power cut cannot take it; see `Store.append`.
        """
        self._take(self.store.append(fact, attachments or {}, synced=synced))

    def _take(self, row: Row) -> None:
        self.history.add(row)
        for fold in self._folds:
            fold.add(row.fact)
        self._last = row.seq
