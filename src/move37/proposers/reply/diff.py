"""Reads unified diffs, and patches of the kind that begins with `*** Begin Patch`.

The numbers in the head of a hunk are rarely right when a model writes them. They are used for what only
they can tell: where an unfenced diff ends, and which of several equal places is meant.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from move37.proposers.reply.parts import Gone, Item, Lines, Problem, Renamed, Swap, Whole

HUNK = re.compile(
    r"@@(?: -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@| \.\.\. @@|(?=[ \t]|\Z))[ \t]*(.*)\Z"
)
_STAMP = re.compile(r"\t.*\Z|(?<! )[ ]+\d{4}-\d\d-\d\d.*\Z")
_GIT = re.compile(r"diff --git \"?a/(.+?)\"? \"?b/(.+?)\"?\Z")
_SECTION = re.compile(r"\*\*\* (Update|Add|Delete) File: (.+)\Z")
_META = (
    "index ",
    "new file mode",
    "deleted file mode",
    "old mode",
    "new mode",
    "similarity index",
    "dissimilarity index",
    "rename from ",
    "rename to ",
    "copy from ",
    "copy to ",
    "Index: ",
    "====",
)


@dataclass(slots=True)
class Read:
    """What a diff asks for, and the line after it."""

    at: int
    items: list[Item] = field(default_factory=list[Item])
    notes: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Hunk:
    line: int | None
    counts: tuple[int, int] | None
    section: str
    body: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Of each line its kind, ` `, `-`, `+`, or `?` where it has none, and its text."""
    newline_old: bool = True
    newline_new: bool = True
    is_marked: bool = False
    """It says something of a line end at the end of the file."""

    def counted(self) -> tuple[int, int]:
        old = sum(kind != "+" for kind, _ in self.body)
        return old, sum(kind != "-" for kind, _ in self.body)

    def is_full(self) -> bool:
        return self.counts is not None and self.counted() == self.counts

    def reading(self, *, literal: bool) -> tuple[Lines, Lines]:
        """Old and new lines. literal: context lines were written without a space before them."""
        old: list[str] = []
        new: list[str] = []
        for kind, text in self.body:
            shown = " " + text if literal and kind == " " and text else text
            if kind != "+":
                old.append(shown)
            if kind != "-":
                new.append(shown)
        return tuple(old), tuple(new)


@dataclass(slots=True)
class _File:
    old: str | None = None
    new: str | None = None
    is_new: bool = False
    is_gone: bool = False
    is_renamed: bool = False
    hunks: list[_Hunk] = field(default_factory=list[_Hunk])


def is_diff_start(lines: Sequence[str], at: int) -> bool:
    """Whether a unified diff begins here."""
    line = lines[at]
    if line.startswith("diff --git "):
        return True
    if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
        return True
    found = HUNK.match(line) if line.startswith("@@") else None
    return found is not None and (found[1] is not None or "..." in line)


def read_diff(
    lines: list[str], start: int, end: int, *, fenced: bool, path: str | None, number: int
) -> Read:
    """Read the diff that begins at `start`.

    end: where its fence closes; without a fence, it ends where no line of it follows.
    path: of the file, where the diff has no head. Raises `Problem`.
    """
    read = Read(start)
    files: list[_File] = []
    here = _File(old=path, new=path)
    at = start
    while at < end:
        line = lines[at]
        if (git := _GIT.match(line)) is not None:
            here = _File(old=git[1], new=git[2])
            files.append(here)
            at += 1
        elif line.startswith("--- ") and at + 1 < end and lines[at + 1].startswith("+++ "):
            here = _headed(here, lines[at], lines[at + 1], files)
            at += 2
        elif line.startswith(("GIT binary patch", "Binary files ")):
            raise Problem(
                f"diff {number}: a binary file cannot be changed by an answer; leave it out"
            )
        elif line.startswith(_META):
            _note_meta(here, line)
            at += 1
        elif HUNK.match(line) or (fenced and not here.hunks and _is_body(line) and line.strip()):
            if here not in files:
                files.append(here)
            at = _read_hunk(lines, at, end, here, fenced=fenced, number=number)
        elif fenced or not line.strip():
            at += 1
        else:
            break
    read.at = at
    for count, file in enumerate(files):
        read.items += _items(file, f"diff {number + count}")
    return read


def _headed(here: _File, old: str, new: str, files: list[_File]) -> _File:
    before, after = (_STAMP.sub("", text[4:]).strip().strip('"') for text in (old, new))
    file = here if files and here is files[-1] and not here.hunks else _File()
    if before == "/dev/null":
        file.is_new = True
    if after == "/dev/null":
        file.is_gone = True
    if not file.is_renamed:
        is_git = all(
            text.startswith(("/dev/null", mark)) for text, mark in ((before, "a/"), (after, "b/"))
        )
        cut = 2 if is_git else 0
        file.old = before[cut:] if before != "/dev/null" else None
        file.new = after[cut:] if after != "/dev/null" else None
    if file not in files:
        files.append(file)
    return file


def _note_meta(here: _File, line: str) -> None:
    if line.startswith("new file mode"):
        here.is_new = True
    elif line.startswith("deleted file mode"):
        here.is_gone = True
    elif line.startswith("rename from "):
        here.old, here.is_renamed = line[12:].strip(), True
    elif line.startswith("rename to "):
        here.new, here.is_renamed = line[10:].strip(), True
    elif line.startswith("copy "):
        raise Problem("a diff that copies a file cannot be read; give the new file as a whole file")


def _is_body(line: str) -> bool:
    return not line or line[0] in " +-\\"


def _is_head(lines: Sequence[str], at: int, end: int) -> bool:
    line = lines[at]
    if line.startswith(("diff --git ", "Index: ")) or HUNK.match(line):
        return True
    return line.startswith("--- ") and at + 1 < end and lines[at + 1].startswith("+++ ")


def _read_hunk(
    lines: Sequence[str], at: int, end: int, file: _File, *, fenced: bool, number: int
) -> int:
    hunk = _Hunk(None, None, "")
    found = HUNK.match(lines[at])
    if found is not None:
        at += 1
        hunk.section = found[5].strip()
        if found[1] is not None:
            hunk.line = max(0, int(found[1][:9]) - 1)
            hunk.counts = (int((found[2] or "1")[:9]), int((found[4] or "1")[:9]))
    first = at
    while at < end and not _is_head(lines, at, end):
        line = lines[at]
        if line.startswith("\\"):
            _note_no_newline(hunk)
        elif not fenced and (hunk.is_full() or not _is_body(line)):
            break
        elif not line:
            hunk.body.append((" ", ""))
        elif line[0] in " +-":
            hunk.body.append((line[0], line[1:]))
        else:
            hunk.body.append(("?", line))
        at += 1
    _trim(hunk)
    if not fenced and not hunk.is_full():
        _refuse_open_end(hunk, lines[first:at], at == end, number)
    file.hunks.append(hunk)
    return at


def _note_no_newline(hunk: _Hunk) -> None:
    kind = hunk.body[-1][0] if hunk.body else " "
    hunk.is_marked = True
    if kind != "+":
        hunk.newline_old = False
    if kind != "-":
        hunk.newline_new = False


def _trim(hunk: _Hunk) -> None:
    """Drop blank lines at the end that are not the hunk's: they part it from what follows."""
    while hunk.body and hunk.body[-1] == (" ", "") and not hunk.is_full():
        hunk.body.pop()


def _refuse_open_end(hunk: _Hunk, body: Sequence[str], at_end: bool, number: int) -> None:
    """Without a fence, only its counts say where a hunk ends. Raises `Problem` where they cannot."""
    blank = next((i for i, line in enumerate(body) if not line), None)
    listed = blank is not None and any(line.startswith(("- ", "+ ")) for line in body[blank:])
    short = hunk.counts is not None and any(
        have < said for have, said in zip(hunk.counted(), hunk.counts, strict=True)
    )
    if listed or (short and at_end):
        raise Problem(
            f"diff {number}: where its last hunk ends cannot be told, as the numbers after @@ do not "
            "count its lines: it may be cut off; send all of it again inside a ```diff fence"
        )


def _items(file: _File, name: str) -> list[Item]:
    if file.is_gone:
        return [Gone(name=name, path=file.old or file.new)]
    if file.is_new:
        return [_new_file(file, name)]
    items: list[Item] = []
    path = file.old or file.new
    for count, hunk in enumerate(file.hunks, start=1):
        if not any(kind in "+-" for kind, _ in hunk.body):
            raise Problem(
                f"{name}, hunk {count}: no line of it begins with + or -, so it changes nothing"
            )
        literal = (hunk.reading(literal=True),) if any(k == " " for k, _ in hunk.body) else ()
        marked = hunk.newline_new if hunk.is_marked else None
        items.append(
            Swap(
                name=f"{name}, hunk {count}",
                path=path,
                readings=(hunk.reading(literal=False), *literal),
                line=hunk.line,
                section=hunk.section,
                newline_at_end=marked,
            )
        )
    if file.is_renamed and file.old and file.new:
        items.append(Renamed(name=name, path=file.old, new_path=file.new))
    if not items:
        raise Problem(f"{name}: it has no hunk; give the lines that change, with @@ above them")
    return items


def _new_file(file: _File, name: str) -> Whole:
    body = [entry for hunk in file.hunks for entry in hunk.body]
    if any(kind == "-" or (kind in " ?" and text) for kind, text in body):
        raise Problem(f"{name}: in a new file (--- /dev/null) every line begins with +")
    newline = file.hunks[-1].newline_new if file.hunks else True
    return Whole(
        name=name,
        path=file.new,
        lines=tuple(text for kind, text in body if kind == "+"),
        is_marked=True,
        is_new=True,
        newline_at_end=newline,
    )


# --- *** Begin Patch -----------------------------------------------------------------------------


def read_patch(lines: list[str], start: int, *, number: int) -> Read:
    """Read what stands between `*** Begin Patch` and `*** End Patch`. Raises `Problem`."""
    end = next((i for i in range(start, len(lines)) if lines[i].strip() == "*** End Patch"), None)
    if end is None:
        raise Problem(
            "the patch has no '*** End Patch' line: it seems to be cut off; nothing was applied, send "
            "all of it again"
        )
    read = Read(end + 1)
    at = start + 1
    while at < end:
        found = _SECTION.match(lines[at])
        if found is None:
            if lines[at].strip():
                raise Problem(
                    f"the patch has {lines[at].strip()[:60]!r} where '*** Update File: path' is due"
                )
            at += 1
            continue
        stop = at + 1
        while stop < end and not _SECTION.match(lines[stop]):
            stop += 1
        read.items += _section(lines, at + 1, stop, found, f"patch {number + len(read.items)}")
        at = stop
    return read


def _section(lines: list[str], at: int, stop: int, found: re.Match[str], name: str) -> list[Item]:
    path = found[2].strip()
    file = _File(old=path, new=path, is_gone=found[1] == "Delete", is_new=found[1] == "Add")
    while at < stop:
        line = lines[at]
        if line.startswith("*** Move to: "):
            file.new, file.is_renamed = line[13:].strip(), True
            at += 1
        elif line.startswith("*** End of File") or (not line.strip() and not file.hunks):
            at += 1
        else:
            at = _read_hunk(lines, at, stop, file, fenced=True, number=0)
    file.hunks = [hunk for hunk in file.hunks if hunk.body]
    return _items(file, name)
