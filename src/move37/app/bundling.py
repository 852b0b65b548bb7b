"""`bundle`: task, seeds, facts, code, versions and report in one file, for others to check.

Of the programs it holds those that the claims rest on: baselines, the champion, all that was certified or ablated, and
all of their ancestors. The others are named by the facts, by content and so beyond exchange, and no figure needs them.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import move37
from move37.app.reporting import morning_of
from move37.app.study import Study, find_root, read_study
from move37.core.errors import StudyError
from move37.core.records import Task
from move37.report.morning import Morning
from move37.report.results import Bundled
from move37.store import codec
from move37.store.bundle import (
    FACTS,
    MANIFEST,
    digest,
    facts_member,
    program_objects,
    write_bundle,
)
from move37.store.git import GitCode
from move37.store.sqlite import SqliteStore

_PACKAGES = ("msgspec", "numpy", "pygit2", "click", "rich", "scipy", "scikit-learn", "torch")
"""Whose version may matter to a score or to a figure."""
_MOST_RANKED = 100
_LARGEST_DATA = 64 * 1024**2
"""Bytes of linked and hidden files that come along."""
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
_LEAST_SECRET = 12
"""Characters: what is shorter is no secret, and found anywhere."""

Row = tuple[int, float, str, str, bytes]


def bundle(root: Path, out: Path, *, data: bool = True) -> Bundled:
    """Write the bundle of a study. data: with the linked and hidden files, which a trial needs.

    Raises `StudyError` when the study has not begun, is too large, or would give a secret away.
    """
    from move37.report.chapters import document
    from move37.report.html import html_page
    from move37.report.markdown import markdown

    with read_study(find_root(root)) as study:
        store, code = study.store, study.store.code
        assert isinstance(store, SqliteStore)
        assert isinstance(code, GitCode)
        told = morning_of(study)
        away = _Away(study.root)
        chain = b""
        rows: list[Row] = []
        # An engine may be at work: what comes now is not in the report either.
        for row in store.chained(study.journal.last):
            rows.append(away.without_paths(row, rows[-1][4] if rows else b""))
            chain = row[4]
        programs = sorted(_programs(study))
        members: dict[str, bytes] = {
            FACTS: facts_member(rows),
            **dict(program_objects(code, _commits(study, programs))),
        }
        attachments = _attachments(study)
        members |= {f"attachments/{at}": blob for at, blob in enumerate(attachments.values())}
        held, left_out, packed = _data(study) if data else ((), _data_paths(study), None)
        data_commit = None
        if packed is not None:
            data_commit, objects = packed
            members |= objects
        written = document(told)
        members["report.html"] = away.out_of(html_page(written)).encode("utf-8")
        members["report.md"] = away.out_of(markdown(written)).encode("utf-8")
        manifest = {
            "format": 1,
            "task": study.task.name,
            "headline": told.headline,
            "versions": _versions(),
            "machine": _machine(),
            "baseline": study.history.epoch.baseline,
            "champion": None if told.champion is None else told.champion.experiment,
            "programs": programs,
            "data": data_commit,
            "data_files": list(held),
            "left_out": list(left_out),
            "rewritten": away.rewritten,
            "chain": chain.hex(),
            "attachments": list(attachments),
            "table": table_of(study, told),
        }
        manifest = json.loads(away.out_of(json.dumps(manifest, ensure_ascii=False)))
        manifest["digests"] = {name: digest(content) for name, content in sorted(members.items())}
        members[MANIFEST] = json.dumps(manifest, ensure_ascii=False, indent=1).encode("utf-8")
        _refuse_secrets(members)
        size = write_bundle(out, members)
    return Bundled(
        path=out,
        size_bytes=size,
        facts=len(rows),
        programs=len(programs),
        rewritten=away.rewritten,
        data=tuple(held),
        left_out=tuple(left_out),
    )


def table_of(study: Study, told: Morning) -> dict[str, Any]:
    """The figures that a bundle states, to be computed again from its facts by whoever checks it."""
    history, beliefs = study.history, study.believer
    ranked = [(each, beliefs.belief(each)) for each in beliefs.ranking(_MOST_RANKED)]
    return {
        "experiments": len(history),
        "champion": None if told.champion is None else told.champion.experiment,
        "claims": [
            [view.experiment, view.effect, *(view.interval or ()), view.pairs]
            for view in told.claims
        ],
        "ranked": [
            [each, belief.mean, belief.sd, len(history[each].scores())]
            for each, belief in ranked
            if belief is not None
        ],
    }


# --- what goes in --------------------------------------------------------------------------------


def _programs(study: Study) -> set[int]:
    """Closed under ancestors, so that every change in it can be seen."""
    history = study.history
    wanted = {epoch.baseline for epoch in history.epochs}
    wanted |= {each.experiment for each in history.certifications}
    wanted |= {each.baseline for each in history.certifications}
    for ablated in history.ablated.values():
        tried = (effect.experiment for effect in ablated.effects)
        wanted |= {ablated.experiment, *(each for each in tried if each is not None)}
    if (champion := study.champion) is not None:
        wanted.add(champion)
    todo = list(wanted)
    while todo:
        for parent in history[todo.pop()].parents:
            if parent not in wanted:
                wanted.add(parent)
                todo.append(parent)
    return {each for each in wanted if history[each].commit is not None}


def _commits(study: Study, programs: Iterable[int]) -> Iterator[str]:
    for each in programs:
        commit = study.history[each].commit
        assert commit is not None
        yield commit


def _attachments(study: Study) -> dict[str, bytes]:
    """Those that the certificates are computed from: noted down while that is done."""
    from move37.referee.audit import audit
    from move37.tasks.document import from_mapping

    used: dict[str, bytes] = {}

    def noted(key: str) -> bytes | None:
        found = study.store.attachment(key)
        if found is not None:
            used[key] = found
        return found

    list(audit(study.history, lambda epoch: from_mapping(epoch.task, study.root), noted))
    return dict(sorted(used.items()))


def _data_paths(study: Study) -> Sequence[str]:
    """Globs of the files that a trial needs and that are no part of a program."""
    return sorted({*study.task.files.link, *study.task.files.hide})


def _data(
    study: Study,
) -> tuple[Sequence[str], Sequence[str], tuple[str, dict[str, bytes]] | None]:
    """Linked and hidden files as they are now: those held, what was left out, and the objects."""
    paths = sorted(_files(study.root, study.task))
    if not paths:
        return (), (), None
    size = sum((study.root / path).stat().st_size for path in paths)
    if size > _LARGEST_DATA:
        return (), _data_paths(study), None
    with tempfile.TemporaryDirectory(prefix="move37-") as folder:
        code = GitCode(Path(folder) / "code.git", write=True)
        try:
            commit = code.snapshot(study.root, paths)
            return paths, (), (commit, dict(program_objects(code, [commit])))
        finally:
            code.close()


def _files(root: Path, task: Task) -> Iterator[str]:
    """Plain files that `files.link` and `files.hide` mean; none that a link leads to, as it may lead anywhere."""
    from move37.tasks.globs import compile_glob

    for pattern in (*task.files.link, *task.files.hide):
        glob = compile_glob(pattern)
        for folder, folders, names in os.walk(root):
            inner = Path(folder).relative_to(root)
            folders[:] = sorted(name for name in folders if name not in (".git", ".move37"))
            for name in names:
                path = (inner / name).as_posix()
                tops = ["/".join(path.split("/")[:end]) for end in range(1, path.count("/") + 2)]
                is_meant = any(glob.covers(top, is_directory=top != path) for top in tops)
                if is_meant and not (root / path).is_symlink() and (root / path).is_file():
                    yield path


# --- what stays out ------------------------------------------------------------------------------


class _Away:
    """Takes the user's own directories out of texts."""

    def __init__(self, root: Path) -> None:
        names = {str(root): "TASK", str(root.resolve()): "TASK", str(Path.home()): "~"}
        self._names = {name: short for name, short in names.items() if len(Path(name).parts) > 1}
        self.rewritten = 0
        """Rows that are not word for word what the study has, from which on the chain is another one."""

    def out_of(self, text: str) -> str:
        for name in sorted(self._names, key=len, reverse=True):
            spelled = json.dumps(name, ensure_ascii=False)[1:-1]
            text = text.replace(spelled, self._names[name])
        return text

    def without_paths(self, row: Row, previous: bytes) -> Row:
        seq, at, kind, body, proof = row
        shorter = self.out_of(body)
        if shorter != body:
            self.rewritten += 1
        elif not self.rewritten:
            return row
        proof = codec.chain(previous, seq, at, kind, shorter.encode())
        return seq, at, kind, shorter, proof


def _refuse_secrets(members: Mapping[str, bytes]) -> None:
    """What the environment calls a key or a token is in no file that is to be sent."""
    for name, value in os.environ.items():
        if len(value) < _LEAST_SECRET or not any(word in name.upper() for word in _SECRET):
            continue
        found = [
            part
            for part, data in members.items()
            if value.encode("utf-8", "surrogateescape") in data
        ]
        if found:
            raise StudyError(
                f"the bundle would give away the value of {name}, which stands in its {found[0]}; a program or "
                "an output of the study holds it: change that key, and unset the variable to write it all the same"
            )


def _versions() -> dict[str, str]:
    found = {"move37": move37.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, Any]:
    """What may matter to a score; no names of it or of anybody."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "processor": platform.machine(),
        "processors": os.cpu_count(),
        "byteorder": sys.byteorder,
    }
