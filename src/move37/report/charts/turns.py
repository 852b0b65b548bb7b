"""What `tune` turned in the current epoch, as columns, kept up fact by fact.

A fold. What came of the turns is not kept: it is asked of belief anew each time.
"""

from array import array
from typing import Any

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Rejected

_TURNED = "tune."
"""How the moves begin that tell what they turned."""
_LONGEST = 200


class Turns:
    """One row for each constant that an experiment turned. Do not modify the columns."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.experiment = array("q")
        self.parent = array("q")
        self.site = array("i")
        """Index in `sites`."""
        self.together = array("i")
        """How many constants the experiment turned at once."""
        self.old: list[str] = []
        """As spelled in the parent."""
        self.new: list[str] = []
        self.sites: list[str] = []
        """Where the constants stand, as `tune` names them."""
        self._indexes: dict[str, int] = {}
        self._parents: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.new)

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._start()
            case Opened(experiment=experiment, parents=parents) if parents:
                self._parents[experiment] = parents[0]
            case Proposed(experiment=experiment, move=move):
                parent = self._parents.pop(experiment, None)
                if parent is not None and move.startswith(_TURNED):
                    self._take(fact, parent)
            case Rejected(experiment=experiment):
                self._parents.pop(experiment, None)
            case _:
                pass

    def _take(self, fact: Proposed, parent: int) -> None:
        said: Any = fact.detail.get("sites", ())
        for id, old, new in said:
            site = str(id)
            index = self._indexes.setdefault(site, len(self.sites))
            if index == len(self.sites):
                self.sites.append(site)
            self.experiment.append(fact.experiment)
            self.parent.append(parent)
            self.site.append(index)
            self.together.append(len(said))
            self.old.append(str(old)[:_LONGEST])
            self.new.append(str(new)[:_LONGEST])
