"""A bundle: one `.tar.gz` that holds a study, or as much of it as others need to check a claim.

The same members give the same bytes. Whoever opens one may have it from a stranger: the archive is read by the
few lines below, which know plain files only, and nothing of it is written before all of it was looked at.
"""

import gzip
import io
import json
import re
import secrets
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, BinaryIO, cast

from move37.core.errors import Refused, StudyError, Unwritable
from move37.store import codec, migrations
from move37.store.git import GitCode

MANIFEST = "bundle.json"
FACTS = "facts.jsonl"
LARGEST = 384 * 1024**2
"""Bytes of all members together."""
MOST_MEMBERS = 200_000
_LARGEST_FILE = 256 * 1024**2
"""Bytes of the archive itself."""
_BLOCK = 512
_NAME = re.compile(
    r"bundle\.json|facts\.jsonl|objects/[0-9a-f]{40}|attachments/\d{1,6}|report\.(?:html|md)"
)
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob"}
_FOLDER, _LINK = 0o40000, 0o120000
_MODES = frozenset({_FOLDER, _LINK, 0o100644, 0o100755})
_COMMIT = re.compile(rb"tree ([0-9a-f]{40})\n")


def write_bundle(path: Path, members: Mapping[str, bytes]) -> int:
    """Write it whole or not at all; return its size in bytes. Raises `StudyError` when it is too large."""
    total = sum(map(len, members.values()))
    if total > LARGEST or len(members) > MOST_MEMBERS:
        raise StudyError(
            f"the bundle would hold {total / 1024**2:,.0f} MB in {len(members):,} parts, and may hold "
            f"{LARGEST // 1024**2} MB in {MOST_MEMBERS:,}; leave out the data with `--without-data`"
        )
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="", compresslevel=6) as packed:
        for name in (MANIFEST, *sorted(members.keys() - {MANIFEST})):
            data = members[name]
            packed.write(_header(name, len(data)) + data + bytes(-len(data) % _BLOCK))
        packed.write(bytes(2 * _BLOCK))
    temporary = path.with_name(f".move37-{secrets.token_hex(6)}")
    try:
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise Unwritable(
            f"{path} cannot be written ({error.strerror}); name another file"
        ) from error
    return buffer.tell()


def read_bundle(path: Path) -> dict[str, bytes]:
    """All members, each as its manifest says. Raises `Refused`, in one sentence, for anything else."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise Refused(f"{path} is larger than any bundle; it may have {_LARGEST_FILE:,} bytes")
        with path.open("rb") as file, gzip.GzipFile(fileobj=file, mode="rb") as packed:
            members = dict(_members(cast("BinaryIO", packed)))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Refused(f"{path} is no bundle, or is damaged: {error}") from error
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror or error})") from error
    except _Foul as error:
        raise Refused(f"{path} is no bundle that move37 wrote: {error}") from error
    _look_over(path, members)
    return members


def manifest_of(members: Mapping[str, bytes]) -> dict[str, Any]:
    return json.loads(members[MANIFEST])


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


# --- the archive ---------------------------------------------------------------------------------


class _Foul(Exception):
    """What is wrong with an archive."""


def _header(name: str, size: int) -> bytes:
    """Of a plain file of nobody's, from 1970, in the ustar format."""
    head = bytearray(_BLOCK)
    for at, text in (
        (0, name), (100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (124, f"{size:011o}\0"),
        (136, f"{0:011o}\0"), (148, " " * 8), (156, "0"), (257, "ustar\0"), (263, "00"),
    ):  # fmt: skip
        head[at : at + len(text)] = text.encode("ascii")
    head[148:156] = f"{sum(head):06o}\0 ".encode("ascii")
    return bytes(head)


def _members(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """One by one; nothing is read that is larger than a bundle may be."""
    seen: set[str] = set()
    total = 0
    while True:
        head = _exactly(stream, _BLOCK)
        if not any(head):
            return
        name, size = _read_header(head)
        total += size
        if name in seen or len(seen) >= MOST_MEMBERS:
            raise _Foul(f"it has {name!r} twice, or too many parts")
        if total > LARGEST:
            raise _Foul(f"unpacked it is larger than {LARGEST // 1024**2} MB")
        seen.add(name)
        data = _exactly(stream, size)
        _exactly(stream, -size % _BLOCK)
        yield name, data


def _read_header(head: bytes) -> tuple[str, int]:
    name = head[:100].rstrip(b"\0").decode("ascii", "replace")
    if _NAME.fullmatch(name) is None:
        raise _Foul(f"it has a part {name[:60]!r}, which no bundle has")
    try:
        size = int(head[124:135], 8)
    except ValueError as error:
        raise _Foul(f"the size of {name!r} cannot be read") from error
    # Written again from what was read, it is the same: so it is a plain file, and nothing else is said.
    if not 0 <= size <= LARGEST or _header(name, size) != head:
        raise _Foul(f"{name!r} is larger than a part may be, or no plain file")
    return name, size


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise _Foul("it ends too early")
    return data


# --- what is in it -------------------------------------------------------------------------------


def _look_over(path: Path, members: Mapping[str, bytes]) -> None:
    def refuse(why: str) -> Refused:
        return Refused(f"{path} is no bundle that move37 wrote: {why}")

    try:
        manifest = json.loads(members[MANIFEST])
        digests = dict[str, str](manifest["digests"])
        if manifest["format"] != 1:
            raise Refused(f"{path} was written by a newer move37: format {manifest['format']!r}")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise refuse("its bundle.json is missing or cannot be read") from error
    if digests.keys() != members.keys() - {MANIFEST}:
        raise refuse("it does not hold the parts that its bundle.json names")
    for name, wanted in digests.items():
        if digest(members[name]) != wanted:
            raise refuse(f"{name} was changed after it was written")
    if FACTS not in members:
        raise refuse("it holds no facts")
    objects = {name[8:]: data for name, data in members.items() if name.startswith("objects/")}
    for id, data in objects.items():
        if sha1(data, usedforsecurity=False).hexdigest() != id:
            raise refuse(f"the program object {id} is not what its name says")
    try:
        for data in objects.values():
            _look_at(data, objects)
    except _Foul as error:
        raise refuse(str(error)) from error


def named_object(kind: int, data: bytes) -> tuple[str, bytes]:
    """A git object as a member: its name, and its content as git hashes it."""
    whole = b"%s %d\0%s" % (_KINDS[kind], len(data), data)
    return f"objects/{sha1(whole, usedforsecurity=False).hexdigest()}", whole


def objects_of(members: Mapping[str, bytes]) -> Iterator[tuple[str, int, bytes]]:
    """Id, kind and content of each, as `GitCode.restore` takes them."""
    kinds = {name: number for number, name in _KINDS.items()}
    for name, data in members.items():
        if name.startswith("objects/"):
            head, _, body = data.partition(b"\0")
            yield name[8:], kinds[head.split(b" ")[0]], body


def _look_at(data: bytes, objects: Mapping[str, bytes]) -> None:
    """Whether an object is well made, and names only what is there and can do no harm."""
    head, _, body = data.partition(b"\0")
    kind, _, size = head.partition(b" ")
    if kind not in _KINDS.values() or size != b"%d" % len(body):
        raise _Foul("a program object is malformed")
    if kind == b"commit":
        found = _COMMIT.match(body)
        if found is None or not _is(found[1].decode(), b"tree", objects):
            raise _Foul("a program has no directory")
    if kind == b"tree":
        for mode, name, id in _entries(body):
            if (
                mode not in _MODES
                or name in (b"", b".", b"..")
                or name.lower() == b".git"
                or b"/" in name
            ):
                raise _Foul(
                    f"a program has a file {name[:60]!r} of a kind or name that may do harm"
                )
            if not _is(id, b"tree" if mode == _FOLDER else b"blob", objects):
                raise _Foul(f"a program lacks its file {name[:60]!r}")
            if mode == _LINK:
                _look_at_link(objects[id].partition(b"\0")[2])


def _look_at_link(target: bytes) -> None:
    if target.startswith(b"/") or b".." in target.split(b"/"):
        raise _Foul(f"a program has a link to {target[:60]!r}, outside itself")


def _entries(body: bytes) -> Iterator[tuple[int, bytes, str]]:
    at, names = 0, set[bytes]()
    while at < len(body):
        end = body.find(b"\0", at)
        mode, _, name = body[at:end].partition(b" ")
        id = body[end + 1 : end + 21]
        if end < 0 or len(id) != 20 or not re.fullmatch(rb"[0-7]{5,6}", mode) or name in names:
            raise _Foul("a directory of a program is malformed")
        names.add(name)
        yield int(mode, 8), name, id.hex()
        at = end + 21


def _is(id: str, kind: bytes, objects: Mapping[str, bytes]) -> bool:
    return objects.get(id, b"").startswith(kind + b" ")


# --- a study again -------------------------------------------------------------------------------


def unpack_study(
    directory: Path,
    facts: Iterable[tuple[int, float, str, str, bytes]],
    attachments: Mapping[str, bytes],
    objects: Iterable[tuple[str, int, bytes]],
) -> None:
    """Make a study of what a bundle holds, digests and all, in a directory of ours."""
    directory.mkdir(parents=True)
    db = sqlite3.connect(directory / "study.db", isolation_level=None)
    try:
        migrations.migrate(db)
        db.execute("BEGIN")
        for seq, at, kind, body, proof in facts:
            about = codec.experiment_of(codec.decode(kind, body))
            db.execute(
                "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)", (seq, at, kind, about, body, proof)
            )
        db.executemany(
            "INSERT INTO attachments VALUES (?, ?)",
            ((key, zlib.compress(data, 1)) for key, data in attachments.items()),
        )
        db.execute("COMMIT")
    except (sqlite3.Error, OverflowError) as error:
        raise Refused(f"the bundle's facts do not fit together: {error}") from error
    finally:
        db.close()
    code = GitCode(directory / "code.git", write=True)
    try:
        code.restore(objects)
    finally:
        code.close()


def facts_member(rows: Iterable[tuple[int, float, str, str, bytes]]) -> bytes:
    lines = (
        json.dumps([seq, at, kind, body, proof.hex()], ensure_ascii=False, separators=(",", ":"))
        for seq, at, kind, body, proof in rows
    )
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def facts_of(members: Mapping[str, bytes]) -> Iterator[tuple[int, float, str, str, bytes]]:
    """Rows as they were written. Raises `Refused` where a line is none."""
    for line in members[FACTS].splitlines():
        try:
            seq, at, kind, body, proof = json.loads(line)
            yield int(seq), float(at), str(kind), str(body), bytes.fromhex(proof)
        except (ValueError, TypeError, RecursionError) as error:
            raise Refused("the bundle's facts cannot be read; it was changed by hand") from error


def program_objects(code: GitCode, commits: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """All objects of these programs as members, each once."""
    seen: set[str] = set()
    for commit in commits:
        yield from (named_object(kind, data) for kind, data in code.objects(commit, seen))
