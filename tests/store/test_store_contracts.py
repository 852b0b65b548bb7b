from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, find, settings

from move37.core.facts import FACTS, Fact
from move37.core.protocols import Store
from move37.store.git import GitCode
from move37.store.memory import MemoryCode, MemoryStore
from move37.store.sqlite import SqliteStore
from move37.testing.code import CodeContract, Programs
from move37.testing.store import StoreContract, facts


@pytest.mark.parametrize("kind", FACTS)
def test_every_kind_of_fact_is_drawn(kind: type[Fact]) -> None:
    any_will_do = settings(max_examples=2000, phases=[Phase.generate], database=None)
    assert type(find(facts, lambda fact: type(fact) is kind, settings=any_will_do)) is kind


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with SqliteStore.open(tmp_path / ".move37", write=True) as store:
            yield store


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestGitCode(CodeContract):
    @pytest.fixture
    def code(self, tmp_path: Path) -> Iterator[Programs]:
        code = GitCode(tmp_path / "code.git", write=True)
        yield code
        code.close()


class TestMemoryCode(CodeContract):
    @pytest.fixture
    def code(self) -> Programs:
        return MemoryCode()
