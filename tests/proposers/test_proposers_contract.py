from collections.abc import Callable

import pytest

from move37.core.protocols import Proposer
from move37.core.records import Proposal
from move37.proposers.scripted import Scripted, ScriptedAsker
from move37.proposers.tune.tune import Tune
from move37.testing.asker import AskerContract, MakeAsker
from move37.testing.proposer import ProposerContract


class TestTune(ProposerContract):
    @pytest.fixture
    def make_proposer(self) -> Callable[[], Proposer]:
        return Tune


def step(lr: int) -> Proposal:
    changes = {"train.py": f"lr = {lr}\n".encode()}
    return Proposal(changes=changes, move="scripted", hypothesis="as said", detail={"n": lr})


class TestScripted(ProposerContract):
    @pytest.fixture
    def make_proposer(self) -> Callable[[], Proposer]:
        return lambda: Scripted([step(1), step(2), "the model was silent", step(3)])


class TestScriptedAsker(AskerContract):
    @pytest.fixture
    def make_asker(self) -> MakeAsker:
        return lambda: ScriptedAsker([step(1), step(2)])
