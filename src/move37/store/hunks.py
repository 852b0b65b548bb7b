"""Making the changes that a patch describes, in memory: the inverse of `patch.py`, and as strict as git.

A hunk's old lines have to be there to the byte, at the place it names or the nearest other one. Only
line ends may differ: a patch that lost its carriage returns on the way, or got some, is read as meant for
a file that has them throughout, or nowhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from move37.core.errors import Refused
from move37.store.paths import LINK, MODULE

if TYPE_CHECKING:
    import pygit2

Read = Callable[[str], bytes | None]
"""Content of a file by its path; `None` when there is none."""

# Nine digits: no file has more lines, and Python refuses to read a number of thousands of digits.
_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_NO_FILES = (b"%o" % LINK, b"%o" % MODULE)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
"""Lines as git sees them: a lone carriage return ends none."""
_ESCAPES = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}
_PREFIXES = (b"a/", b"b/", b"i/", b"w/", b"c/", b"o/")
"""What git puts before a name, by itself or with `diff.mnemonicPrefix`."""


@dataclass(slots=True)
class _Hunk:
    start: int
    """Number of the first old line, from 1; of a pure insertion, of the line before it."""
    old: list[bytes] = field(default_factory=list[bytes])
    new: list[bytes] = field(default_factory=list[bytes])
    head: bytes = b""


@dataclass(slots=True)
class _Section:
    """What a patch says of one file."""

    old: bytes | None = None
    """`None`: the file is new."""
    new: bytes | None = None
    """`None`: the file is deleted."""
    is_copy: bool = False
    hunks: list[_Hunk] = field(default_factory=list[_Hunk])
    binary: bool = False
    raw: list[bytes] = field(default_factory=list[bytes])
    """Its lines as they stand, for a binary one."""


def apply_patch(
    patch: bytes, read: Read, is_known: Callable[[str], bool], *, inside: str = ""
) -> dict[str, bytes | None]:
    """New content of every file that the patch changes; `None` for one that it deletes.

    read: the program that it is meant for. is_known: whether a path may be meant by a name in the patch.
    inside: where the program lies in its repository, such as `tasks/one/`; names may begin with it.
    Raises `Refused` when the patch is none, or does not fit.
    """
    sections = list(_sections(patch))
    if not sections:
        raise Refused("there is no change in the patch; write it with `git diff` or `diff -u`")
    done: dict[str, bytes | None] = {}

    def now(path: str) -> bytes | None:
        return done[path] if path in done else read(path)

    for section in sections:
        old, new = (
            None if name is None else _path(name, is_known, inside)
            for name in (section.old, section.new)
        )
        before = None if old is None else now(old)
        if old is not None and before is None:
            raise Refused(f"the patch changes {old!r}, which the program does not have")
        if old is None and new is not None and now(new) is not None:
            raise Refused(f"the patch adds {new!r}, which the program has already")
        content = _changed(section, before or b"", new or old or "")
        if new is None:
            if content:
                raise Refused(f"the patch deletes {old!r}, and not all that is in it")
            done[old or ""] = None
            continue
        if old is not None and old != new and not section.is_copy:
            done[old] = None
        done[new] = content
    return {path: content for path, content in done.items() if read(path) != content}


# --- reading a patch -----------------------------------------------------------------------------


def _sections(patch: bytes) -> Iterator[_Section]:
    lines = patch.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    at, section = 0, None
    while at < len(lines):
        line = lines[at]
        header = line.rstrip(b"\r")
        if header.startswith(b"diff --git "):
            if section is not None:
                yield section
            section = _from_names(header[11:])
        elif _begins_plain(lines, at):
            if section is None or section.hunks:
                if section is not None:
                    yield section
                section = _Section()
            section.raw.append(line)
            section.old = _name(lines[at].rstrip(b"\r")[4:])
            section.new = _name(lines[at + 1].rstrip(b"\r")[4:])
            at += 1
            line = lines[at]
        elif header.startswith(b"@@ ") and section is not None:
            hunk, end = _hunk(lines, at)
            section.hunks.append(hunk)
            at = end - 1
        elif header.startswith(b"Binary files ") and header.endswith(b" differ"):
            raise Refused("the patch leaves out what is binary; write it with `git diff --binary`")
        elif section is not None and not section.hunks and not section.binary:
            # Behind them come the words of the next mail, which may say anything.
            _extended(section, header)
        if section is not None:
            section.raw.append(line)
        at += 1
    if section is not None:
        yield section


def _begins_plain(lines: list[bytes], at: int) -> bool:
    if not lines[at].startswith(b"--- ") or at + 1 >= len(lines):
        return False
    return lines[at + 1].startswith(b"+++ ")


def _extended(section: _Section, header: bytes) -> None:
    """A line between `diff --git` and the hunks."""
    words = header.split(b" ")
    if header.startswith((b"rename from ", b"copy from ")):
        section.old = b"a/" + _unquoted(header.split(b" from ", 1)[1])
        section.is_copy = header.startswith(b"copy")
    elif header.startswith((b"rename to ", b"copy to ")):
        section.new = b"b/" + _unquoted(header.split(b" to ", 1)[1])
    elif header.startswith(b"new file mode "):
        section.old = None
    elif header.startswith(b"deleted file mode "):
        section.new = None
    elif header.startswith(b"GIT binary patch"):
        section.binary = True
    if (b"mode" in words[:3] or words[0] == b"index") and words[-1] in _NO_FILES:
        raise Refused(
            "the patch makes or changes a symbolic link or a submodule; only files change"
        )


def _hunk(lines: list[bytes], at: int) -> tuple[_Hunk, int]:
    """A hunk, and the number of the line after it."""
    found = _HUNK.match(lines[at])
    if found is None:
        raise Refused(f"line {at + 1} of the patch begins a hunk and cannot be read")
    start, old, _, new = (1 if group is None else int(group) for group in found.groups())
    hunk, began = _Hunk(start=start, head=lines[at].rstrip(b"\r")), at + 1
    at += 1
    while (old > 0 or new > 0) and at < len(lines):
        kind, text = lines[at][:1], lines[at][1:] + b"\n"
        if kind in (b"", b"\r"):  # some editors take the blank off the end of an empty line
            kind, text = b" ", lines[at] + b"\n"
        if kind not in (b" ", b"-", b"+"):
            break
        if kind != b"+":
            hunk.old.append(text)
            old -= 1
        if kind != b"-":
            hunk.new.append(text)
            new -= 1
        at += 1
        if at < len(lines) and lines[at].startswith(b"\\"):
            for side, kinds in ((hunk.old, b" -"), (hunk.new, b" +")):
                if kind in kinds and side:
                    side[-1] = side[-1].removesuffix(b"\n").removesuffix(b"\r")
            at += 1
    if old or new:
        raise Refused(
            f"the hunk at line {began} of the patch is cut short, or its numbers are wrong"
        )
    return hunk, at


def _from_names(names: bytes) -> _Section:
    """From `a/x b/x`: of use where no other line names the file."""
    section = _Section()
    half = len(names) // 2
    if not names.startswith(b'"') and names[half : half + 1] == b" ":
        section.old, section.new = names[:half], names[half + 1 :]
    elif (
        found := re.fullmatch(rb'("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)', names)
    ) is not None:
        section.old, section.new = _unquoted(found[1]), _unquoted(found[2])
    return section


def _name(text: bytes) -> bytes | None:
    """The name after `---` or `+++`; `None` for `/dev/null`."""
    # Behind a tab: a time of day, or nothing, where the name has a blank in it.
    name = _unquoted(text.split(b"\t", 1)[0])
    return None if name == b"/dev/null" else name


def _unquoted(text: bytes) -> bytes:
    """What git writes in C's way."""
    if not (len(text) > 1 and text.startswith(b'"') and text.endswith(b'"')):
        return text

    def spelled(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([_ESCAPES[code] if code in _ESCAPES else int(code, 8) & 255])

    return re.sub(rb'\\([abtnvfr"\\]|[0-7]{1,3})', spelled, text[1:-1])


def _path(name: bytes, is_known: Callable[[str], bool], inside: str) -> str:
    """The file of the program that a name means."""
    if name == b"":
        raise Refused("the patch names no file; write it with `git diff`")
    bare = name[2:] if name.startswith(_PREFIXES) else name
    candidates = [each.decode("utf-8", "surrogateescape") for each in (bare, name)]
    if inside:
        candidates += [each.removeprefix(inside) for each in candidates if each.startswith(inside)]
    return next(filter(is_known, candidates), candidates[-1 if inside else 0])


# --- making the change ---------------------------------------------------------------------------


def _changed(section: _Section, before: bytes, path: str) -> bytes:
    if section.binary:
        return _binary(section, before, path)
    lines, shift, floor = _LINE.findall(before), 0, 0
    for hunk in section.hunks:
        old, new = hunk.old, hunk.new
        named = hunk.start - 1 if old else hunk.start
        wanted = named + shift
        at = _find(lines, old, wanted, floor)
        if at is None and (meant := _line_ends(lines, old, new)) is not None:
            old, new = meant
            at = _find(lines, old, wanted, floor)
        if at is None:
            where = hunk.head.decode("utf-8", "replace")
            raise Refused(
                f"the patch does not fit: {path!r} has no such lines as {where!r} changes; "
                "write it against the program that --base names"
            )
        lines[at : at + len(old)] = new
        shift = at - named + len(new) - len(old)
        floor = at + len(new)
    return b"".join(lines)


def _find(lines: list[bytes], old: list[bytes], wanted: int, floor: int) -> int | None:
    """Where these lines stand: at the wanted place, or else at the nearest one from `floor` on."""
    if not old:
        return wanted if floor <= wanted <= len(lines) else None
    last = len(lines) - len(old)
    wanted = max(floor, min(wanted, last))  # however far off: there is nothing to look for beyond
    for distance in range(max(wanted - floor, last - wanted) + 1):
        for at in dict.fromkeys((wanted - distance, wanted + distance)):
            if floor <= at <= last and lines[at] == old[0] and lines[at : at + len(old)] == old:
                return at
    return None


def _line_ends(
    lines: list[bytes], old: list[bytes], new: list[bytes]
) -> tuple[list[bytes], list[bytes]] | None:
    """The lines of a hunk with the line ends of the file, if it has one kind throughout."""
    ended = [line for line in lines if line.endswith(b"\n")]
    returns = sum(line.endswith(b"\r\n") for line in ended)
    if not ended or returns not in (0, len(ended)):
        return None
    end = b"\r\n" if returns else b"\n"

    def meant(line: bytes) -> bytes:
        if not line.endswith(b"\n"):
            return line.removesuffix(b"\r")
        return line.removesuffix(b"\n").removesuffix(b"\r") + end

    return [meant(line) for line in old], [meant(line) for line in new]


def _binary(section: _Section, before: bytes, path: str) -> bytes:
    """By libgit2, in a repository that is thrown away."""
    import tempfile

    import pygit2

    name = "file"
    lines = [b"diff --git a/file b/file"]
    if section.old is None:
        lines.append(b"new file mode 100644")
    elif section.new is None:
        lines.append(b"deleted file mode 100644")
    begin = next(at for at, line in enumerate(section.raw) if line.startswith(b"GIT binary patch"))
    index = [line for line in section.raw[:begin] if line.startswith(b"index ")]
    text = b"\n".join((*lines, *index, *section.raw[begin:], b"", b""))
    with tempfile.TemporaryDirectory(prefix="move37-") as folder:
        repository = pygit2.init_repository(folder, bare=True)
        try:
            if section.old is not None:
                blob = repository.create_blob(before)
                repository.index.add(pygit2.IndexEntry(name, blob, pygit2.enums.FileMode.BLOB))
                repository.index.write()
            diff = pygit2.Diff.parse_diff(text)
            repository.apply(diff, pygit2.enums.ApplyLocation.INDEX)
            repository.index.read()
            entries = cast("Iterable[pygit2.IndexEntry]", repository.index)
            found = {entry.path: repository[entry.id] for entry in entries}
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise Refused(f"the patch does not fit {path!r}: {error}") from error
        made = found.get(name)
        return made.data if isinstance(made, pygit2.Blob) else b""
