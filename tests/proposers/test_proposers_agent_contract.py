"""An agent keeps the contract of all that have to be asked."""

import os
from pathlib import Path

import pytest
from agents import make_desk

from move37.testing.asker import AskerContract, MakeAsker
from move37.testing.proposer import PROGRAM


class TestAgent(AskerContract):
    @pytest.fixture
    def make_asker(self, tmp_path: Path) -> MakeAsker:
        level = "user" if os.geteuid() else "root"
        desk = make_desk(tmp_path, level, {"PATH": os.environ["PATH"]}, PROGRAM)
        edit = "echo '# more' >> train.py; echo 'A comment helps.'"
        return lambda: desk.agent(command=edit)
