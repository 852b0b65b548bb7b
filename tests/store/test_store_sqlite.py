"""A study on disk: what it refuses, what it finds wrong with itself, and what a person sees in it."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from move37.core.errors import StudyError, StudyLocked, Unwritable
from move37.core.facts import (
    EpochStarted,
    Opened,
    Proposed,
    Rejected,
    SessionStarted,
    Staged,
    Tried,
)
from move37.core.records import Failed, Measured, Screened, Trial
from move37.store.audit import Json, says
from move37.store.sqlite import SqliteStore
from move37.testing.store import tried


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A small study: a baseline, one measured, one failed, one rejected, one running experiment."""
    directory = tmp_path / ".move37"
    with SqliteStore.open(directory, write=True) as store:
        fill(store, tmp_path)
    return directory


def fill(store: SqliteStore, root: Path) -> None:
    (root / "a.py").write_bytes(b"lr = 1\n")
    commit = store.code.snapshot(root, ["a.py"])
    store.append(SessionStarted(version="1", workers=1, sandbox="A"), {})
    store.append(
        EpochStarted(
            epoch=0, fingerprint="f", task={}, baseline=0, commit=commit, identity="i", seed=1
        ),
        {},
    )
    store.append(tried(0, 1.0), {"x0-search-0/stdout": b"loss: 1\n"})
    for experiment in (1, 2, 3, 4):
        store.append(
            Opened(experiment=experiment, epoch=0, parents=(0,), proposer="tune", seed=1), {}
        )
        if experiment != 3:
            changed = store.code.commit([commit], {"a.py": b"lr = %d\n" % experiment}, "")
            store.code.keep(experiment, changed)
            store.append(
                Proposed(
                    experiment=experiment, commit=changed, identity="", move="m", hypothesis="h"
                ),
                {},
            )
    store.append(tried(1, 2.0), {})
    store.append(tried(1, 4.0, index=1), {})
    crash = Trial(purpose="search", index=0, seed=0, outcome=Failed(stage="run", reason="crash"))
    store.append(Tried(experiment=2, trial=crash), {})
    store.append(Rejected(experiment=3, failed=Failed(stage="propose", reason="no idea")), {})


def audit(study: Path) -> list[str]:
    with SqliteStore.open(study, write=False) as store:
        return store.audit()


def tamper(study: Path, *statements: str) -> None:
    """Change the database as somebody would who knows about the triggers."""
    db = sqlite3.connect(study / "study.db")
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert db.execute(statement).rowcount != 0
    db.commit()
    db.close()


class TestOpening:
    def test_a_study_is_there_again(self, study: Path) -> None:
        with SqliteStore.open(study, write=True) as store:
            before = list(store.rows())
            row = store.append(tried(4), {})
        with SqliteStore.open(study, write=False) as store:
            assert list(store.rows()) == [*before, row]
            assert [one.seq for one in store.rows(after=row.seq - 1)] == [row.seq]
            assert store.attachment("x0-search-0/stdout") == b"loss: 1\n"
            assert store.attachment_keys("x0-") == ["x0-search-0/stdout"]

    @pytest.mark.parametrize("what", ["study.db", "lock"])
    def test_a_writer_whose_files_are_replaced_writes_no_more(self, study: Path, what: str) -> None:
        opened = Opened(experiment=5, epoch=0, parents=(0,), proposer="tune", seed=1)
        with SqliteStore.open(study, write=True) as first:
            if what == "study.db":
                (study / "copy").write_bytes((study / what).read_bytes())
                (study / "copy").rename(study / what)
            else:  # by somebody who took the lock for a forgotten one
                (study / what).unlink()
                with SqliteStore.open(study, write=True) as second:
                    second.append(opened, {})
            with pytest.raises(StudyLocked, match="replaced"):
                first.append(opened, {})
        with SqliteStore.open(study, write=False) as reader:
            assert reader.audit() == []

    def test_to_read_there_must_be_one(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match=r"there is no study in .*start one with `move37 run`"):
            SqliteStore.open(tmp_path / ".move37", write=False)
        assert not (tmp_path / ".move37").exists()

    def test_readers_need_no_lock_and_cannot_write(self, study: Path) -> None:
        with (
            SqliteStore.open(study, write=True) as writer,
            SqliteStore.open(study, write=False) as reader,
        ):
            seen = len(list(reader.rows()))
            writer.append(tried(4), {})
            assert len(list(reader.rows())) == seen + 1
            with pytest.raises(AssertionError, match="opened to read"):
                reader.append(tried(4), {})

    def test_it_never_shows_in_the_users_repository(self, study: Path) -> None:
        subprocess.run(["git", "init", "-q"], cwd=study.parent, check=True)
        done = subprocess.run(
            ["git", "status", "--porcelain"], cwd=study.parent, check=True, capture_output=True
        )
        assert b"move37" not in done.stdout

    @pytest.mark.parametrize("write", [True, False])
    def test_what_is_no_database_is_left_as_it_is(self, tmp_path: Path, write: bool) -> None:
        content = b"not a database" * 100
        (tmp_path / "study.db").write_bytes(content)
        with pytest.raises(StudyError, match="is damaged or no database"):
            SqliteStore.open(tmp_path, write=write)
        assert (tmp_path / "study.db").read_bytes() == content

    @pytest.mark.parametrize("write", [True, False])
    def test_somebody_elses_database_is_left_as_it_is(self, tmp_path: Path, write: bool) -> None:
        db = sqlite3.connect(tmp_path / "study.db")
        db.execute("CREATE TABLE customers (name)")
        db.close()
        before = (tmp_path / "study.db").read_bytes()
        with pytest.raises(StudyError, match="a database, but not of a study"):
            SqliteStore.open(tmp_path, write=write)
        assert (tmp_path / "study.db").read_bytes() == before

    @pytest.mark.parametrize("write", [True, False])
    def test_a_newer_study_is_refused(self, study: Path, write: bool) -> None:
        db = sqlite3.connect(study / "study.db")
        db.execute("INSERT INTO migrations VALUES ('m999_dreams', 0)")
        db.commit()
        db.close()
        with pytest.raises(StudyError, match=r"made by a newer move37 \(it has m999_dreams"):
            SqliteStore.open(study, write=write)

    def test_one_stopped_while_it_was_made_is_finished(self, study: Path) -> None:
        db = sqlite3.connect(study / "study.db")
        db.execute("DELETE FROM migrations WHERE name >= 'm004_views'")
        db.execute("DROP VIEW experiments")
        db.execute("DROP VIEW trials")
        db.commit()
        db.close()
        with pytest.raises(StudyError, match="older move37; `move37 run` brings it up to date"):
            SqliteStore.open(study, write=False)
        SqliteStore.open(study, write=True).close()
        assert audit(study) == []

    def test_one_that_was_hardly_begun_is_called_empty(self, tmp_path: Path) -> None:
        (tmp_path / "study.db").touch()
        with pytest.raises(StudyError, match="still empty; start it with `move37 run`"):
            SqliteStore.open(tmp_path, write=False)

    def test_names_of_directories_may_hold_anything(self, tmp_path: Path) -> None:
        directory = tmp_path / "50% ü?#&\udcff" / ".move37"
        SqliteStore.open(directory, write=True).close()
        assert audit(directory) == []


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE facts SET at = 0",
            "DELETE FROM facts",
            "INSERT OR REPLACE INTO facts SELECT seq, 0, kind, experiment, body, digest FROM facts",
            "INSERT INTO facts SELECT seq + 99, at, kind, experiment, body, digest FROM facts",
            "UPDATE attachments SET body = x''",
            "DELETE FROM attachments",
            "INSERT OR REPLACE INTO attachments SELECT key, x'' FROM attachments",
        ],
    )
    def test_rows_are_only_added(self, study: Path, statement: str) -> None:
        db = sqlite3.connect(study / "study.db")
        with pytest.raises(sqlite3.IntegrityError, match=r"only added|written once"):
            db.execute(statement)
        db.close()
        assert audit(study) == []


class TestAudit:
    def test_a_sound_study_has_no_problems(self, study: Path) -> None:
        assert audit(study) == []

    @pytest.mark.parametrize(
        ("statement", "problem"),
        [
            (
                "UPDATE facts SET body = replace(body, '2.0', '9.0') WHERE body LIKE '%:2.0,%'",
                "row 11 (Tried), or the one before it, was changed after it was written",
            ),
            ("UPDATE facts SET at = at + 1 WHERE seq = 5", "row 5 (Proposed), or the one before"),
            ("UPDATE facts SET kind = 'Checked' WHERE seq = 3", "row 3 cannot be read: this is no"),
            ("UPDATE facts SET kind = 'Wish' WHERE seq = 3", "row 3 cannot be read: no fact is"),
            ("DELETE FROM facts WHERE seq IN (4, 5)", "rows before row 6 are missing, from row 4"),
            ("UPDATE facts SET experiment = 7 WHERE seq = 3", "row 3 is filed under experiment 7"),
            ("UPDATE facts SET body = '{' WHERE seq = 3", "row 3 cannot be read: this is no Tried"),
            ("UPDATE attachments SET body = x'00'", "attachment 'x0-search-0/stdout' is damaged"),
        ],
    )
    def test_tampering_is_found(self, study: Path, statement: str, problem: str) -> None:
        tamper(study, statement)
        assert any(problem in found for found in audit(study)), audit(study)

    def test_a_fact_of_an_older_version_that_lacks_what_has_a_default_is_sound(self) -> None:
        older: Json = {"kind": "tune", "spread": [1.0, {"low": 2}]}
        newer: Json = {"kind": "tune", "spread": [1.0, {"low": 2, "high": None}], "usd": 0.0}
        assert says(newer, older)
        assert not says(older, newer)
        assert not says(newer, {"kind": "tune", "spread": [1.0]})
        assert not says(newer, {"kind": "llm"})

    def test_a_forged_digest_shows_in_the_next_row(self, study: Path) -> None:
        tamper(study, "UPDATE facts SET digest = zeroblob(32) WHERE seq = 4")
        assert len(audit(study)) == 2

    def test_experiments_cut_off_the_end_are_missed(self, study: Path) -> None:
        tamper(study, "DELETE FROM facts WHERE experiment > 1", "DELETE FROM facts WHERE seq > 5")
        (problem,) = audit(study)
        assert "the facts end at experiment x1, but the code store has programs up to x4" in problem

    def test_what_a_writer_leaves_that_was_killed_is_no_cut(self, study: Path) -> None:
        with SqliteStore.open(study, write=True) as store:
            (root,) = [row.fact for row in store.rows() if isinstance(row.fact, EpochStarted)]
            store.code.keep(5, root.commit)
        assert audit(study) == []

    def test_a_code_store_that_git_cannot_open_is_found(self, study: Path) -> None:
        (study / "code.git" / "HEAD").unlink()
        (problem,) = audit(study)
        assert "code.git has no HEAD" in problem

    def test_a_missing_program_is_found(self, study: Path) -> None:
        with SqliteStore.open(study, write=False) as store:
            commit = next(row.fact.commit for row in store.rows() if isinstance(row.fact, Proposed))
        (study / "code.git" / "objects" / commit[:2] / commit[2:]).unlink()
        (problem,) = audit(study)
        assert f"row 5 (experiment x1) names a program that is not whole: {study}" in problem

    def test_a_damaged_file_of_a_program_is_found(self, study: Path) -> None:
        blob = "c0ffee"
        with SqliteStore.open(study, write=False) as store:
            repo = store.code
            commit = next(row.fact.commit for row in store.rows() if isinstance(row.fact, Proposed))
            done = subprocess.run(
                ["git", "-C", repo.path, "rev-parse", f"{commit}:a.py"],
                check=True,
                capture_output=True,
                text=True,
            )
            blob = done.stdout.strip()
        path = study / "code.git" / "objects" / blob[:2] / blob[2:]
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-5])
        (problem,) = audit(study)
        assert "names a program that is not whole" in problem

    def test_a_lost_code_store_is_one_problem_for_each_program(self, study: Path) -> None:
        (study / "code.git").rename(study / "gone.git")
        problems = audit(study)
        assert sum("names a program that is not whole" in problem for problem in problems) == 4

    def test_a_damaged_page_is_found(self, study: Path) -> None:
        with SqliteStore.open(study, write=True) as store:
            for index in range(400):
                store.append(tried(4, index=index), {})
        db = study / "study.db"
        content = bytearray(db.read_bytes())
        content[-8192:] = os.urandom(8192)
        db.write_bytes(content)
        assert any("damaged" in problem for problem in audit(study))

    def test_a_damaged_page_is_said_when_read(self, study: Path) -> None:
        db = study / "study.db"
        content = db.read_bytes()
        db.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
        with (
            pytest.raises(StudyError, match="is damaged"),
            SqliteStore.open(study, write=False) as store,
        ):
            list(store.rows())


class TestPowerCut:
    def test_a_damaged_copy_of_a_program_is_said(self, study: Path) -> None:
        with sqlite3.connect(study / "study.db") as db:
            db.execute("UPDATE unpacked SET body = x'00'")
        with pytest.raises(StudyError, match="damaged"):
            SqliteStore.open(study, write=True)

    def test_a_file_in_place_of_the_code_store_is_said(self, study: Path) -> None:
        shutil.rmtree(study / "code.git")
        (study / "code.git").write_text("a file")
        with pytest.raises(Unwritable, match=r"code\.git"):
            SqliteStore.open(study, write=True)

    @pytest.mark.parametrize("left", ["nothing", "an empty file", "half a file"])
    def test_programs_that_were_not_synced_come_back(self, study: Path, left: str) -> None:
        objects = list((study / "code.git" / "objects").glob("??/*"))
        assert len(objects) >= 9
        for path in objects:
            content = path.read_bytes()
            path.unlink()
            if left != "nothing":
                path.write_bytes(content[:20] if left == "half a file" else b"")
        assert audit(study) != []
        SqliteStore.open(study, write=True).close()
        assert audit(study) == []


class TestViews:
    @pytest.fixture
    def db(self, study: Path) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(study / "study.db")
        yield db
        db.close()

    def test_experiments_are_a_table_for_people(self, db: sqlite3.Connection) -> None:
        rows = db.execute("SELECT id, parents, status, trials, mean_score, reason FROM experiments")
        assert rows.fetchall() == [
            (0, "[]", "measured", 1, 1.0, None),
            (1, "[0]", "measured", 2, 3.0, None),
            (2, "[0]", "failed", 1, None, "crash"),
            (3, "[0]", "rejected", 0, None, "no idea"),
            (4, "[0]", "running", 0, None, None),
        ]

    def test_so_are_trials(self, db: sqlite3.Connection) -> None:
        rows = db.execute(
            "SELECT experiment, purpose, trial_index, score, failed_stage FROM trials"
        )
        assert rows.fetchall() == [
            (0, "search", 0, 1.0, None),
            (1, "search", 0, 2.0, None),
            (1, "search", 1, 4.0, None),
            (2, "search", 0, None, "run"),
        ]

    def test_what_was_let_go_did_not_fail_and_stages_are_no_trials(self, study: Path) -> None:
        gone = Screened(by="stage", reason="not enough", predicted=1.0, predicted_sd=1.0, chance=0)
        scored = Measured(score=50.0, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0)
        broken = Failed(stage="run", reason="no stage")
        with SqliteStore.open(study, write=True) as store:
            for id, outcome in ((4, scored), (5, broken), (6, scored)):
                if id > 4:
                    store.append(
                        Opened(experiment=id, epoch=0, parents=(0,), proposer="tune", seed=1), {}
                    )
                trial = Trial(purpose="stage", index=0, seed=1, outcome=outcome)
                store.append(Tried(experiment=id, trial=trial), {})
            store.append(Staged(experiment=4, stage=0, screened=gone), {})
        with sqlite3.connect(study / "study.db") as db:
            rows = db.execute(
                "SELECT id, status, trials, mean_score, reason FROM experiments WHERE id > 3"
            ).fetchall()
        db.close()
        assert rows == [
            (4, "let go", 0, None, "not enough"),
            (5, "failed", 0, None, "no stage"),
            (6, "running", 0, None, None),
        ]

    def test_the_page_about_the_store_is_right(self, db: sqlite3.Connection) -> None:
        page = (Path(__file__).parents[2] / "docs" / "store.md").read_text()
        (queries,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
        answers = [db.execute(query).fetchall() for query in queries.split(";") if query.strip()]
        assert [row[0] for row in answers[0]] == [1, 0]
        for name in ("experiments", "trials", "facts", "attachments"):
            (described,) = re.findall(rf"^\| `{name}` \| (.*) \|$", page, re.MULTILINE)
            columns = re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", described))
            assert columns == [row[1] for row in db.execute(f"PRAGMA table_info({name})")]


class TestUnwritable:
    def test_a_read_only_directory_is_said_and_still_readable(self) -> None:
        # Not below tmp_path: another user must be able to get there when we are root.
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            root.chmod(0o755)
            study = root / ".move37"
            with SqliteStore.open(study, write=True) as store:
                fill(store, root)
            for path in [*study.rglob("*"), study]:
                path.chmod(0o555 if path.is_dir() else 0o444)
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY, str(study)],
                capture_output=True,
                text=True,
                check=False,
            )
            study.chmod(0o755)
        assert done.stdout.splitlines() == ["Unwritable", "14 rows", "[]", "Unwritable"], done
        assert "check" in done.stderr

    def test_a_full_disk_loses_nothing_that_was_acknowledged(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", FULL_DISK, str(tmp_path / ".move37")],
            capture_output=True,
            text=True,
            check=True,
        )
        acknowledged = int(done.stdout)
        assert 0 < acknowledged < 10_000
        assert "free some space" in done.stderr or "whether it is full" in done.stderr
        with SqliteStore.open(tmp_path / ".move37", write=True) as store:
            assert len(list(store.rows())) == acknowledged
            assert store.audit() == []
            store.append(tried(), {})

    def test_a_full_disk_is_said_by_the_code_store_too(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", FULL_CODE, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(f"{tmp_path / 'code.git'} cannot be written")


READ_ONLY = """
import os, sys
from pathlib import Path
import pygit2
import move37.store.audit
from move37.core.errors import Unwritable
from move37.store.sqlite import SqliteStore
if os.geteuid() == 0:  # to whom nothing is read-only
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
study = Path(sys.argv[1])
for directory in (study, study.parent / "new"):
    try:
        SqliteStore.open(directory, write=True)
    except Unwritable as error:
        print("Unwritable")
        print(error, file=sys.stderr)
    if directory == study:
        with SqliteStore.open(study, write=False) as store:
            print(len(list(store.rows())), "rows")
            print(store.audit())
"""

FULL_DISK = """
import os, resource, sys
from pathlib import Path
from move37.core.errors import Unwritable
from move37.store.sqlite import SqliteStore
from move37.testing.store import tried
store = SqliteStore.open(Path(sys.argv[1]), write=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
done = 0
try:
    for done in range(10_000):
        store.append(tried(done), {f"{done}/log": os.urandom(500)})
except Unwritable as error:
    print(error, file=sys.stderr)
print(done)
"""

FULL_CODE = """
import os, resource, sys
from pathlib import Path
from move37.core.errors import Unwritable
from move37.store.git import GitCode
root = Path(sys.argv[1])
code = GitCode(root / "code.git", write=True)
(root / "a").write_bytes(b"a")
start = code.snapshot(root, ["a"])
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    code.commit([start], {"a": os.urandom(50_000)}, "")
except Unwritable as error:
    print(error)
else:
    print("written")
"""
