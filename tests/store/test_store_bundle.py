"""Bundles: the same members give the same bytes, and what a stranger made of one is refused."""

import gzip
import io
import json
import re
import tarfile
from hashlib import sha1
from pathlib import Path

import pytest

from move37.core.errors import Refused, StudyError
from move37.store import bundle
from move37.store.bundle import digest, named_object, read_bundle, write_bundle


def whole(**others: bytes) -> dict[str, bytes]:
    """The least that is a bundle, and more."""
    members = {
        "facts.jsonl": b"[]\n",
        **{key.replace("__", "/"): data for key, data in others.items()},
    }
    return sealed(members)


def sealed(members: dict[str, bytes]) -> dict[str, bytes]:
    digests = {name: digest(data) for name, data in members.items()}
    return {"bundle.json": json.dumps({"format": 1, "digests": digests}).encode(), **members}


def tree(*entries: tuple[bytes, bytes, str]) -> tuple[str, bytes]:
    body = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(id) for mode, name, id in entries)
    return named_object(2, body)


def refused(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        read_bundle(path)
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_what_was_written_is_read_and_twice_is_the_same_bytes(tmp_path: Path) -> None:
    members = whole(**{"report.md": b"x" * 5000, "attachments__0": b""})
    one, other = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    write_bundle(one, members)
    write_bundle(other, dict(reversed(members.items())))
    assert one.read_bytes() == other.read_bytes()
    assert read_bundle(one) == members
    with tarfile.open(one) as archive:  # and for everybody's tar
        assert archive.getnames()[0] == "bundle.json"
        assert {each.mtime for each in archive} == {0}


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "objects/../x", "facts.jsonl/..", "a" * 99]
)
def test_no_part_has_a_name_of_its_own_choice(tmp_path: Path, name: str) -> None:
    path = tmp_path / "b.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert "which no bundle has" in refused(path)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_devices_and_directories_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "b.tar.gz"
    entry = tarfile.TarInfo("facts.jsonl")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry)
    assert re.search("no plain file|which no bundle has", refused(path))


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_early(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    head = bundle._header("facts.jsonl", bundle.LARGEST + 1)  # pyright: ignore[reportPrivateUsage]
    with gzip.open(path, "wb") as file:
        file.write(head + bytes(1 << 20))
    assert "larger than a part may be" in refused(path)


def test_many_parts_that_are_too_much_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar.gz"
    write_bundle(path, whole(**{"report.md": b"x" * 10_000}))
    monkeypatch.setattr(bundle, "LARGEST", 9000)
    assert "larger than" in refused(path)
    with pytest.raises(StudyError, match="without-data"):
        write_bundle(path, whole(**{"report.md": b"x" * 10_000}))


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", gzip.compress(b"", mtime=0), gzip.compress(b"x" * 600, mtime=0)],
    ids=["nothing", "text", "nothing packed", "text packed"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(data)
    refused(path)


def test_one_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    write_bundle(path, whole(**{"report.md": bytes(range(256)) * 40}))
    data = path.read_bytes()
    for end in range(1, len(data) - 1, 97):
        path.write_bytes(data[:end])
        refused(path)


def test_a_part_that_was_changed_or_taken_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    members = whole(**{"report.md": b"fine"})
    write_bundle(path, {**members, "report.md": b"evil"})
    assert "report.md was changed" in refused(path)
    write_bundle(path, {name: data for name, data in members.items() if name != "report.md"})
    assert "does not hold the parts" in refused(path)


def test_the_same_part_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    head = bundle._header("facts.jsonl", 0)  # pyright: ignore[reportPrivateUsage]
    path.write_bytes(gzip.compress(head + head + bytes(1024)))
    assert "twice" in refused(path)


BLOB, FILE = named_object(3, b"x")
ID = BLOB.removeprefix("objects/")


@pytest.mark.parametrize(
    "entry",
    [
        (b"100644", b"..", ID), (b"100644", b"a/b", ID), (b"100644", b".git", ID), (b"100644", b".GIT", ID),
        (b"100644", b"", ID), (b"104755", b"a", ID), (b"160000", b"a", ID), (b"100644", b"a", "0" * 40),
        (b"40000", b"a", ID),
    ],
)  # fmt: skip
def test_a_program_cannot_reach_out_of_itself(
    tmp_path: Path, entry: tuple[bytes, bytes, str]
) -> None:
    path = tmp_path / "b.tar.gz"
    write_bundle(path, sealed({"facts.jsonl": b"", BLOB: FILE, **dict([tree(entry)])}))
    assert re.search("may do harm|lacks its file", refused(path))


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../../x", b"a/../../b"])
def test_a_link_of_a_program_stays_inside(tmp_path: Path, target: bytes) -> None:
    path = tmp_path / "b.tar.gz"
    name, data = named_object(3, target)
    link = tree((b"120000", b"a", name.removeprefix("objects/")))
    write_bundle(path, sealed({"facts.jsonl": b"", name: data, **dict([link])}))
    assert "outside itself" in refused(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"blob",
        b"blob 5\0abc",
        b"tag 1\0x",
        b"commit 3\0abc",
        b"tree 3\0abc",
        b"tree 8\x00100644 a",
    ],
)
def test_malformed_objects_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "b.tar.gz"
    name = f"objects/{sha1(data, usedforsecurity=False).hexdigest()}"
    write_bundle(path, sealed({"facts.jsonl": b"", name: data}))
    refused(path)


def test_an_object_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    write_bundle(path, sealed({"facts.jsonl": b"", f"objects/{'0' * 40}": FILE}))
    assert "is not what its name says" in refused(path)
