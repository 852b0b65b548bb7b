from collections.abc import Callable

import pytest

from move37.core.protocols import Proposer
from move37.core.records import Proposal
from move37.proposers.scripted import Scripted
from move37.proposers.tune import Tune
from move37.testing.proposer import ProposerContract


class TestTune(ProposerContract):
    @pytest.fixture
    def make_proposer(self) -> Callable[[], Proposer]:
        return Tune


class TestScripted(ProposerContract):
    @pytest.fixture
    def make_proposer(self) -> Callable[[], Proposer]:
        def step(lr: int) -> Proposal:
            changes = {"train.py": f"lr = {lr}\n".encode()}
            return Proposal(
                changes=changes, move="scripted", hypothesis="as said", detail={"n": lr}
            )

        return lambda: Scripted([step(1), step(2), "the model was silent", step(3)])
