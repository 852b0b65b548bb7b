"""The schema of `study.db`, as the steps that lead to it. A step, once released, never changes.

Each is applied in one transaction together with its record in the table `migrations`.
"""

import sqlite3
import time
from collections.abc import Callable

from move37.core.errors import StudyError


def m001_facts(db: sqlite3.Connection) -> None:
    db.execute("""
        CREATE TABLE facts (
            seq INTEGER PRIMARY KEY,     -- counts from 1 without gaps
            at REAL NOT NULL,            -- seconds since 1970
            kind TEXT NOT NULL,
            experiment INTEGER,          -- what it is about, if it is about one
            body TEXT NOT NULL,          -- JSON
            digest BLOB NOT NULL         -- sha256 over the digest before it and all of this row
        ) STRICT""")
    db.execute("CREATE INDEX facts_of_an_experiment ON facts (experiment, kind)")
    # Also stops INSERT OR REPLACE, which no delete trigger sees.
    db.execute("""
        CREATE TRIGGER facts_are_in_order BEFORE INSERT ON facts
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM facts)
        BEGIN SELECT RAISE(ABORT, 'facts are only added at the end'); END""")
    _forbid_changes(db, "facts")


def m002_attachments(db: sqlite3.Connection) -> None:
    db.execute("""
        CREATE TABLE attachments (
            key TEXT PRIMARY KEY,        -- such as x12-search-0/stdout
            body BLOB NOT NULL           -- compressed by zlib
        ) STRICT""")
    db.execute("""
        CREATE TRIGGER attachments_are_written_once BEFORE INSERT ON attachments
        WHEN EXISTS (SELECT 1 FROM attachments WHERE key = NEW.key)
        BEGIN SELECT RAISE(ABORT, 'attachments are written once'); END""")
    _forbid_changes(db, "attachments")


def m003_unpacked(db: sqlite3.Connection) -> None:
    """Copies of programs that are not in a synced pack yet. No facts: it is emptied now and then."""
    db.execute("""
        CREATE TABLE unpacked (
            id TEXT PRIMARY KEY,         -- of the git object
            kind INTEGER NOT NULL,       -- 1 commit, 2 tree, 3 blob
            body BLOB NOT NULL           -- compressed by zlib
        ) STRICT""")


def m004_views(db: sqlite3.Connection) -> None:
    db.execute("""
        CREATE VIEW trials AS SELECT
            experiment,
            json_extract(body, '$.trial.purpose') AS purpose,
            json_extract(body, '$.trial.index') AS trial_index,
            json_extract(body, '$.trial.seed') AS seed,
            json_extract(body, '$.trial.outcome.measured.score') AS score,
            json_extract(body, '$.trial.outcome.measured.metrics') AS metrics,
            coalesce(json_extract(body, '$.trial.outcome.measured.seconds'),
                     json_extract(body, '$.trial.outcome.failed.seconds')) AS seconds,
            json_extract(body, '$.trial.outcome.measured.cpu_seconds') AS cpu_seconds,
            json_extract(body, '$.trial.outcome.measured.peak_memory_mb') AS peak_memory_mb,
            json_extract(body, '$.trial.outcome.failed.stage') AS failed_stage,
            json_extract(body, '$.trial.outcome.failed.reason') AS failed_reason,
            at AS ended_at
        FROM facts WHERE kind = 'Tried'""")
    db.execute("""
        CREATE VIEW experiments AS SELECT
            o.experiment AS id,
            json_extract(o.body, '$.epoch') AS epoch,
            coalesce(json_extract(o.body, '$.parents'), '[]') AS parents,
            coalesce(json_extract(o.body, '$.proposer'), '') AS proposer,
            coalesce(json_extract(p.body, '$.commit'), json_extract(o.body, '$.commit'))
                AS commit_id,
            json_extract(p.body, '$.move') AS move,
            json_extract(p.body, '$.hypothesis') AS hypothesis,
            json_extract(p.body, '$.predicted_effect') AS predicted_effect,
            json_extract(p.body, '$.prior') AS prior,
            coalesce(json_extract(p.body, '$.usd'), 0) + coalesce(json_extract(r.body, '$.usd'), 0)
                AS usd,
            CASE
                WHEN r.seq IS NOT NULL THEN 'rejected'
                WHEN t.seq IS NULL THEN 'running'
                WHEN json_extract(t.body, '$.trial.outcome.measured.score') IS NULL THEN 'failed'
                ELSE 'measured'
            END AS status,
            coalesce(json_extract(r.body, '$.failed.reason'),
                     json_extract(t.body, '$.trial.outcome.failed.reason')) AS reason,
            (SELECT count(*) FROM trials WHERE trials.experiment = o.experiment) AS trials,
            (SELECT avg(score) FROM trials WHERE trials.experiment = o.experiment) AS mean_score,
            o.at AS opened_at
        FROM facts o
        LEFT JOIN facts p ON p.experiment = o.experiment AND p.kind = 'Proposed'
        LEFT JOIN facts r ON r.experiment = o.experiment AND r.kind = 'Rejected'
        LEFT JOIN facts t ON t.seq = (
            SELECT min(seq) FROM facts WHERE experiment = o.experiment AND kind = 'Tried')
        WHERE o.kind IN ('Opened', 'EpochStarted')""")


def m005_stages_in_views(db: sqlite3.Connection) -> None:
    """Trials of cheap stages are no trials of the evaluation, and what was let go did not fail."""
    db.execute("DROP VIEW experiments")
    db.execute("DROP VIEW trials")
    db.execute("""
        CREATE VIEW trials AS SELECT
            experiment,
            json_extract(body, '$.trial.purpose') AS purpose,
            json_extract(body, '$.trial.index') AS trial_index,
            json_extract(body, '$.trial.seed') AS seed,
            json_extract(body, '$.trial.outcome.measured.score') AS score,
            coalesce(json_extract(body, '$.trial.outcome.measured.metrics'),
                     json_extract(body, '$.trial.outcome.screened.metrics')) AS metrics,
            coalesce(json_extract(body, '$.trial.outcome.measured.seconds'),
                     json_extract(body, '$.trial.outcome.screened.seconds'),
                     json_extract(body, '$.trial.outcome.failed.seconds')) AS seconds,
            json_extract(body, '$.trial.outcome.measured.cpu_seconds') AS cpu_seconds,
            json_extract(body, '$.trial.outcome.measured.peak_memory_mb') AS peak_memory_mb,
            json_extract(body, '$.trial.outcome.failed.stage') AS failed_stage,
            json_extract(body, '$.trial.outcome.failed.reason') AS failed_reason,
            json_extract(body, '$.trial.outcome.screened.reason') AS let_go_reason,
            at AS ended_at
        FROM facts WHERE kind = 'Tried'""")
    db.execute("""
        CREATE VIEW experiments AS SELECT
            o.experiment AS id,
            json_extract(o.body, '$.epoch') AS epoch,
            coalesce(json_extract(o.body, '$.parents'), '[]') AS parents,
            coalesce(json_extract(o.body, '$.proposer'), '') AS proposer,
            coalesce(json_extract(p.body, '$.commit'), json_extract(o.body, '$.commit'))
                AS commit_id,
            json_extract(p.body, '$.move') AS move,
            json_extract(p.body, '$.hypothesis') AS hypothesis,
            json_extract(p.body, '$.predicted_effect') AS predicted_effect,
            json_extract(p.body, '$.prior') AS prior,
            coalesce(json_extract(p.body, '$.usd'), 0) + coalesce(json_extract(r.body, '$.usd'), 0)
                AS usd,
            CASE
                WHEN r.seq IS NOT NULL THEN 'rejected'
                WHEN g.seq IS NOT NULL THEN 'let go'
                WHEN s.seq IS NOT NULL THEN 'failed'
                WHEN t.seq IS NULL THEN 'running'
                WHEN json_extract(t.body, '$.trial.outcome.screened') IS NOT NULL THEN 'let go'
                WHEN json_extract(t.body, '$.trial.outcome.measured.score') IS NULL THEN 'failed'
                ELSE 'measured'
            END AS status,
            coalesce(json_extract(r.body, '$.failed.reason'),
                     json_extract(g.body, '$.screened.reason'),
                     json_extract(s.body, '$.trial.outcome.failed.reason'),
                     json_extract(t.body, '$.trial.outcome.screened.reason'),
                     json_extract(t.body, '$.trial.outcome.failed.reason')) AS reason,
            (SELECT count(*) FROM trials
                WHERE trials.experiment = o.experiment AND purpose != 'stage') AS trials,
            (SELECT avg(score) FROM trials
                WHERE trials.experiment = o.experiment AND purpose != 'stage') AS mean_score,
            o.at AS opened_at
        FROM facts o
        LEFT JOIN facts p ON p.experiment = o.experiment AND p.kind = 'Proposed'
        LEFT JOIN facts r ON r.experiment = o.experiment AND r.kind = 'Rejected'
        LEFT JOIN facts g ON g.seq = (
            SELECT min(seq) FROM facts WHERE experiment = o.experiment AND kind = 'Staged'
                AND json_extract(body, '$.screened') IS NOT NULL)
        LEFT JOIN facts s ON s.seq = (
            SELECT min(seq) FROM facts WHERE experiment = o.experiment AND kind = 'Tried'
                AND json_extract(body, '$.trial.purpose') = 'stage'
                AND json_extract(body, '$.trial.outcome.failed') IS NOT NULL)
        LEFT JOIN facts t ON t.seq = (
            SELECT min(seq) FROM facts WHERE experiment = o.experiment AND kind = 'Tried'
                AND json_extract(body, '$.trial.purpose') != 'stage')
        WHERE o.kind IN ('Opened', 'EpochStarted')""")


MIGRATIONS = (m001_facts, m002_attachments, m003_unpacked, m004_views, m005_stages_in_views)


def applied(db: sqlite3.Connection) -> tuple[str, ...]:
    """Names of the migrations that this database has been through; none when it is empty.

    Raises `StudyError` when it holds something else than a study.
    """
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return ()
    if "migrations" not in tables:
        raise StudyError("it is a database, but not of a study")
    return tuple(name for (name,) in db.execute("SELECT name FROM migrations ORDER BY rowid"))


def missing(db: sqlite3.Connection) -> tuple[str, ...]:
    """Names of the migrations still to come.

    Raises `StudyError` when the database is not a study, or a newer version made it.
    """
    done, known = applied(db), tuple(step.__name__ for step in MIGRATIONS)
    if done != known[: len(done)]:
        raise StudyError(
            f"it was made by a newer move37 (it has {done[-1]}, this one knows up to {known[-1]}); "
            "update move37"
        )
    return known[len(done) :]


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database up to date. Stopped anywhere and called again, it goes on from there."""
    todo = missing(db)
    for step in MIGRATIONS:
        if step.__name__ in todo:
            _run(db, step)


def _run(db: sqlite3.Connection, step: Callable[[sqlite3.Connection], None]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("""
            CREATE TABLE IF NOT EXISTS migrations (
                name TEXT PRIMARY KEY, at REAL NOT NULL
            ) STRICT""")
        step(db)
        db.execute("INSERT INTO migrations VALUES (?, ?)", (step.__name__, time.time()))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _forbid_changes(db: sqlite3.Connection, table: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        db.execute(f"""
            CREATE TRIGGER {table}_forbid_{verb.lower()} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} are only added, never changed'); END""")
