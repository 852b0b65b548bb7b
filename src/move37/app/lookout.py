"""Looking at a study again and again without reading all of it each time."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock

from move37.app.study import STUDY, FoldsOf, Study, measured_task, read_study

_File = tuple[int, int]


class Lookout:
    """Keeps a study open for looking; each look takes in only what is new since the one before.

    For whoever stays: a server, or a command that waits. From any thread, one look at a time.
    """

    def __init__(self, folds: FoldsOf = lambda history, believer: ()) -> None:
        """folds: what else shall follow the facts; asked again whenever a study is read anew."""
        self._folds = folds
        self._turn = RLock()
        self._kept: tuple[Path, _File, Study] | None = None

    def __enter__(self) -> "Lookout":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self, root: Path) -> Generator[Study]:
        """The study as it is now; see `read_study`, which it is instead of."""
        with self._turn:
            study = self._look(root)
            yield study

    def close(self) -> None:
        with self._turn:
            kept, self._kept = self._kept, None
            if kept is not None:
                kept[2].store.close()

    def _look(self, root: Path) -> Study:
        file = _file_of(root)
        if self._kept is not None and self._kept[:2] == (root, file):
            study = self._kept[2]
            try:
                study.journal.catch_up()
            except BaseException:
                self.close()  # it may know half a fact
                raise
            return replace(study, task=measured_task(root, study.history))
        self.close()
        study = read_study(root, self._folds)
        if file is not None:
            self._kept = root, file, study
        return study


def _file_of(root: Path) -> _File | None:
    """Which file holds the facts: where another has taken its place, nothing known of it holds."""
    try:
        status = os.stat(root / STUDY / "study.db")  # noqa: PTH116 no exception for each look
    except OSError:
        return None
    return status.st_dev, status.st_ino
