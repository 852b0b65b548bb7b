"""`kill -9` of a writer loses nothing that was acknowledged."""

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from move37.core.errors import StudyError
from move37.core.facts import Proposed, Tried
from move37.store.git import GitCode
from move37.store.sqlite import SqliteStore

WRITER = """
import os, sys
from pathlib import Path
from move37.core.facts import EpochStarted, Opened, Proposed
from move37.store import git
from move37.store.sqlite import SqliteStore
from move37.testing.store import tried
git._PACK_AT = 40  # so that many kills hit a packing
root = Path(sys.argv[1])
store = SqliteStore.open(root / ".move37", write=True)
start = store.code.snapshot(root, ["a.py"])
done = sum(1 for row in store.rows() if isinstance(row.fact, Opened))
for x in range(done, done + 100_000):
    store.append(Opened(experiment=x, epoch=0, parents=(0,), proposer="", seed=0), {})
    commit = store.code.commit([start], {f"{x}/b.py": b"%d" % x}, "")
    store.code.keep(x, commit)
    store.append(
        Proposed(experiment=x, commit=commit, identity="", move="", hypothesis=""),
        {f"x{x}/answer": b"%d" % x},
    )
    row = store.append(tried(x), {f"x{x}/log": os.urandom(3000)})
    os.write(1, b"%d %d\\n" % (x, row.seq))
"""

BEGINNER = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")  # what is not decided yet goes to the disk as well
db.execute("BEGIN")
db.execute("CREATE TABLE facts (body)")
for _ in range(2000):
    db.execute("INSERT INTO facts VALUES (zeroblob(500))")
os.kill(os.getpid(), 9)
"""


def write_until_killed(root: Path, moment: float) -> tuple[int, int]:
    """Return the last experiment and row that the writer knew to be stored."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    last = writer.stdout.readline()  # it is at work: from now on any moment will do
    threading.Timer(moment, writer.kill).start()
    for line in writer.stdout:
        last = line if line.endswith(b"\n") else last
    writer.wait()
    writer.stdout.close()
    experiment, row = last.split()
    return int(experiment), int(row)


@pytest.mark.slow
def test_twenty_kills_lose_no_acknowledged_row(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"a\n")
    moments = random.Random(37)
    for _ in range(20):
        experiment, seq = write_until_killed(tmp_path, moments.uniform(0.0, 0.5))
        with SqliteStore.open(tmp_path / ".move37", write=False) as store:
            assert store.audit() == []
            rows = {row.seq: row.fact for row in store.rows()}
            tried = rows[seq]
            assert isinstance(tried, Tried)
            assert tried.experiment == experiment
            proposed = rows[seq - 1]
            assert isinstance(proposed, Proposed)
            assert store.code.read(proposed.commit, f"{experiment}/b.py") == b"%d" % experiment
            assert store.attachment(f"x{experiment}/answer") == b"%d" % experiment
    subprocess.run(
        ["git", "-C", tmp_path / ".move37" / "code.git", "fsck", "--full", "--strict"],
        check=True,
        capture_output=True,
    )


READER = """
import sys
from pathlib import Path
from move37.store.git import GitCode
code = GitCode(Path(sys.argv[1]), write=False)
for line in sys.stdin:
    commit = line.strip()
    print(code.read(commit, "b.py").decode(), code.problems(commit) and len(code.paths(commit)))
    sys.stdout.flush()
"""


def test_readers_follow_a_writer_that_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from move37.store import git, packs

    monkeypatch.setattr(git, "_PACK_AT", 20)
    monkeypatch.setattr(packs, "_MERGE_AT", 3)
    (tmp_path / "a.py").write_bytes(b"a\n")
    writer = GitCode(tmp_path / "code.git", write=True)
    start = writer.snapshot(tmp_path, ["a.py"])
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "code.git")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    commits: list[str] = []
    for index in range(120):
        commits.append(writer.commit([start], {"b.py": b"%d" % index}, ""))
        writer.keep(index, commits[-1])
        asked = (index * 7) % len(commits)
        reader.stdin.write(commits[asked] + "\n")
        reader.stdin.flush()
        assert reader.stdout.readline().split() == [str(asked), "2"]
    reader.stdin.close()
    assert reader.wait() == 0
    reader.stdout.close()
    assert writer.packs_made > 5
    assert [problem for commit in commits for problem in writer.problems(commit)] == []


def test_packing_keeps_everything_and_makes_it_small(tmp_path: Path) -> None:
    source = b"".join(b"line %d of a program\n" % line for line in range(400))
    (tmp_path / "a.py").write_bytes(source)
    code = GitCode(tmp_path / "code.git", write=True)
    commit = code.snapshot(tmp_path, ["a.py"])
    contents: dict[str, bytes] = {}
    for index in range(100):
        content = source.replace(b"line 7 ", b"line %d " % index)
        commit = code.commit([commit], {"a.py": content}, f"x{index}")
        code.keep(index, commit)
        contents[commit] = content
    code.pack()
    assert {commit: code.read(commit, "a.py") for commit in contents} == contents
    assert list((tmp_path / "code.git" / "objects").glob("??/*")) == []
    assert list((tmp_path / "code.git" / "refs" / "x").glob("*")) == []
    files = [path for path in (tmp_path / "code.git").rglob("*") if path.is_file()]
    assert sum(file.stat().st_size for file in files) < 50_000
    refs = subprocess.run(
        ["git", "-C", tmp_path / "code.git", "for-each-ref", "--format=%(objectname)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(refs.stdout.split()) == set(contents)


def test_what_a_killed_writer_left_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"a\n")
    code = GitCode(tmp_path / "code.git", write=True)
    commit = code.snapshot(tmp_path, ["a.py"])
    code.keep(0, commit)
    code.close()
    for left in ["packed-refs.lock", "refs/x/0.lock", "config.lock"]:
        (tmp_path / "code.git" / left).write_bytes(b"half")
    (tmp_path / "code.git" / "pack.new").mkdir()
    (tmp_path / "code.git" / "pack.new" / "pack-1.pack").write_bytes(b"half")
    (tmp_path / "code.git" / "objects" / commit[:2] / "tmp_object_git2_x").write_bytes(b"half")
    again = GitCode(tmp_path / "code.git", write=True)
    again.keep(0, again.commit([commit], {"a.py": b"b"}, ""))
    again.pack()
    assert list((tmp_path / "code.git").rglob("*.lock")) == []
    assert list((tmp_path / "code.git").rglob("tmp_*")) == []


def test_one_that_was_killed_while_it_was_made_is_empty(tmp_path: Path) -> None:
    study = tmp_path / ".move37"
    study.mkdir()
    subprocess.run([sys.executable, "-c", BEGINNER, str(study / "study.db")], check=False)
    assert (study / "study.db-journal").exists()
    with pytest.raises(StudyError, match="still empty; start it with"):
        SqliteStore.open(study, write=False)
    with SqliteStore.open(study, write=True) as store:
        assert list(store.rows()) == []
