"""The `bpb` task, installed once for all tests as a user would, and small copies of it."""

import shutil
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from move37 import gallery


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it only."""
    directory = tmp_path_factory.mktemp("gallery") / "bpb"
    gallery.install("bpb", directory)
    return directory


@pytest.fixture
def brief(installed: Path, tmp_path: Path) -> Path:
    """The same task with a fiftieth of the training budget, to be changed at will."""
    directory = tmp_path / "brief"
    shutil.copytree(installed, directory)
    prepare = directory / "prepare.py"
    text = prepare.read_text()
    assert "BUDGET_SECONDS = 2.2" in text
    prepare.write_text(text.replace("BUDGET_SECONDS = 2.2", "BUDGET_SECONDS = 0.04"))
    return directory


@dataclass(frozen=True)
class Modules:
    """The task's files, imported as its own programs import them."""

    prepare: ModuleType
    layers: ModuleType
    train: ModuleType


@pytest.fixture(scope="session")
def bpb(installed: Path) -> Modules:
    """Do not change them."""
    paths, prefix = list(sys.path), sys.pycache_prefix
    sys.path.insert(0, str(installed))
    try:
        prepare, layers, train = map(import_module, ("prepare", "layers", "train"))
    finally:
        sys.path[:], sys.pycache_prefix = paths, prefix
        for name in ("prepare", "layers", "train"):
            sys.modules.pop(name, None)
    return Modules(prepare, layers, train)


@pytest.fixture(scope="session")
def prepare(bpb: Modules) -> ModuleType:
    return bpb.prepare


@pytest.fixture(scope="session")
def train(bpb: Modules) -> ModuleType:
    return bpb.train


@pytest.fixture(scope="session")
def layers(bpb: Modules) -> ModuleType:
    return bpb.layers
