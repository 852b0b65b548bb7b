"""The programs of an ablation: an experiment's change cut into edits, and what is left without some."""

from collections.abc import Mapping, Set

from move37.app.study import Study
from move37.core.errors import ProposalFailed, StudyError
from move37.core.facts import AblationOpened, Fact
from move37.core.history import Experiment
from move37.core.protocols import Request
from move37.core.records import Proposal
from move37.referee.ablate import Action, Find, Try, advance
from move37.referee.edits import Edits, Step

ABLATE = "ablate"
"""Name of the proposer, and kind of move, of a program that lacks some edits of its parent."""


def _but_tests(edits: Edits) -> frozenset[int]:
    """All edits but those of test-like files; empty where there are no such files, or no others."""
    from move37.referee.cheats import is_test_like

    others: set[int] = set()
    for number, edit in enumerate(edits.edits):
        kinds = {is_test_like(edits.pieces[piece].path) for piece in edit.pieces}
        if len(kinds) > 1:
            return frozenset()  # they came together, and go together
        if kinds == {False}:
            others.add(number)
    return frozenset(others) if len(others) < len(edits.edits) else frozenset()


class Ablation:
    """Knows what each step of an ablation is. Also the proposer behind its experiments.

    Remembers nothing that the study does not: an experiment that was opened and not proposed gets the
    same program after a restart.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._edits: dict[int, Edits] = {}
        self._identities: dict[tuple[int, frozenset[int]], str] = {}

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def edits(self, experiment: int) -> Edits:
        """What an experiment changes in its baseline, cut by the steps of its lineage."""
        if experiment not in self._edits:
            chain = self._lineage(experiment)
            steps = [
                Step(
                    experiment=one.id,
                    files=self._files(one),
                    by_site=one.move.startswith(("tune.", ABLATE)),
                    label=one.hypothesis,
                )
                for one in chain[1:]
            ]
            self._edits[experiment] = Edits(self._files(chain[0]), steps)
        return self._edits[experiment]

    def next(self, opened: AblationOpened) -> Action:
        """What to do next. Raises `StudyError` when the edits are not those that were to be tried."""
        study = self._study
        edits = self.edits(opened.experiment)
        if len(edits.edits) != opened.edits:
            raise StudyError(
                f"x{opened.experiment} was cut into {opened.edits} edits by another version of move37, "
                f"and into {len(edits.edits)} by this one; finish with that version"
            )
        find = self._find(opened.experiment)
        but_tests = _but_tests(edits)
        return advance(study.history, study.believer, opened, edits.edits, find, but_tests)

    def unfinished(self) -> AblationOpened | None:
        """The ablation of the current epoch that was begun and not concluded, if any."""
        history = self._study.history
        for opened in history.ablations:
            is_current = history[opened.experiment].epoch == history.epoch.epoch
            if is_current and opened.ablation not in history.ablated:
                return opened
        return None

    def propose(self, request: Request) -> Proposal:
        opened = self.unfinished()
        action = None if opened is None else self.next(opened)
        if opened is None or not isinstance(action, Try):
            raise ProposalFailed("what was to be left out has been tried already")
        edits = self.edits(opened.experiment)
        labels = ", ".join(edits.edits[number].label for number in sorted(action.removed))
        return Proposal(
            changes=edits.without(action.removed),
            move=ABLATE,
            hypothesis=f"without {labels}",
            detail={"without": sorted(action.removed)},
        )

    def _find(self, experiment: int) -> Find:
        history = self._study.history

        def find(removed: Set[int]) -> int | None:
            return history.same_program(self._identity(experiment, frozenset(removed)))

        return find

    def _identity(self, experiment: int, removed: frozenset[int]) -> str:
        from move37.proposers.source.normalise import Normaliser
        from move37.worker import changed

        key = experiment, removed
        if key not in self._identities:
            files = self._files(self._study.history[experiment])
            files = changed(files, self.edits(experiment).without(removed))
            self._identities[key] = Normaliser().identity(files)
        return self._identities[key]

    def _lineage(self, experiment: int) -> list[Experiment]:
        """The baseline first. Of a merge, the first parent; what the other gave is one step."""
        chain = [self._study.history[experiment]]
        while chain[-1].parents:
            chain.append(self._study.history[chain[-1].parents[0]])
        return chain[::-1]

    def _files(self, one: Experiment) -> Mapping[str, bytes]:
        from move37.tasks.files import may_edit

        code, editable = self._study.store.code, may_edit(self._study.task)
        assert one.commit is not None, "a lineage is made of programs"
        return {
            path: code.read(one.commit, path) for path in code.paths(one.commit) if editable(path)
        }
