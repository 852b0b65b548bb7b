"""Cuts an answer into what it asks for and what it merely says.

Reads line by line, once. Whatever stands between the markers of a block, or in a fence, is never read
as anything else; reasoning is dropped. What was begun and not ended is refused: it may be half of it.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from move37.proposers.reply.diff import HUNK, Read, is_diff_start, read_diff, read_patch
from move37.proposers.reply.parts import Gone, Item, Lines, Problem, Swap, Whole
from move37.proposers.reply.paths import commented_path, info_path, mentioned, path_line

_START = re.compile(
    r"(?i)[ \t]*(?:<{5,9}|-{5,9})[ \t]*(?:SEARCH|ORIGINAL|OLD|BEFORE|HEAD)\b[ \t]*[:>]?[ \t]*(.*)\Z"
)
_ANY_START = re.compile(r"[ \t]*<{6,8}(?:[ \t]*[A-Za-z]+)?[ \t]*\Z")
_END = re.compile(
    r"(?i)[ \t]*(?:>{5,9}[ \t]*(?:(?:REPLACE|UPDATED|NEW|AFTER|HEAD|END)\b.*)?|\+{5,9}[ \t]*REPLACE\b.*)\Z"
)
_DIVIDER = re.compile(r"[ \t]*={5,9}[ \t]*\Z")
_USUAL_DIVIDER = re.compile(r"={7}\Z")
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,}+)([^`]*)\Z")
_THINKS = re.compile(r"(?i)[ \t]*<(think|thinking|thought|thoughts|reasoning|scratchpad|analysis)>")
_OPENED = re.compile(r"(?im)^[ \t]*<(?:think|thought|reasoning|scratchpad|analysis)")
_THOUGHT = re.compile(
    r"(?im)^[^\n\"'`]*</(?:think|thinking|thought|thoughts|reasoning|scratchpad|analysis)>"
)
_GONE = re.compile(r"[ \t]*[-*#`]*[ \t]*DELETE(?: FILE)?[*`]*:[*`]*[ \t]*(\S.*)\Z")
_WHOLE = re.compile(r"[ \t]*[-*#`]*[ \t]*(WHOLE|NEW|FULL|ENTIRE) FILE[*`]*:[*`]*[ \t]*(\S.*)\Z")
_SHORTER = re.compile(r"(?i)(?<![\s(,;-])[\s(,;-]*shorter on purpose\W*\Z")
_LANGUAGE = re.compile(r"[\w+#.-]+\Z")
_DIFFS = frozenset({"diff", "patch", "udiff"})
_NO_FILES = frozenset(
    [
        "bash",
        "sh",
        "shell",
        "zsh",
        "console",
        "terminal",
        "text",
        "txt",
        "plaintext",
        "output",
        "log",
        "none",
        "stdout",
        "math",
        "latex",
    ]
)
_CUT = re.compile(r"[ \t]*<{3,}[ \t]*[A-Z]{0,6}\Z")
_NEAR = 3
"""So many lines above a block are looked at for the path of its file."""
_MOST_ITEMS = 400


@dataclass(slots=True)
class Scanned:
    """An answer, cut up."""

    items: list[Item] = field(default_factory=list[Item])
    loose: list[Whole] = field(default_factory=list[Whole])
    """Fences that nothing calls a file: prose, unless there is nothing else."""
    prose: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])


def scan(text: str, known: Collection[str]) -> Scanned:
    """Cut an answer up. known: paths of the files that it may change."""
    scanner = _Scanner(text, known)
    try:
        scanner.run()
    except Problem as problem:
        scanner.found.problems.append(str(problem))
    return scanner.found


class _Scanner:
    def __init__(self, text: str, known: Collection[str]) -> None:
        self.found = Scanned()
        self._known = frozenset(known)
        self._lines = _without_reasoning(text, self.found.notes).split("\n")
        self._starts = [i for i, line in enumerate(self._lines) if _is_start(line)]
        self._bare = [i for i, line in enumerate(self._lines) if _bare_fence(line) is not None]
        self._open: list[str] = []
        """Fences around blocks, which mean nothing."""
        self._above: list[str] = []
        self._at: int = 0
        self._number: int = 0
        self._wholes = 0

    def run(self) -> None:
        while self._at < len(self._lines):
            if self._number > _MOST_ITEMS:
                raise Problem(
                    f"the answer has more than {_MOST_ITEMS} edits; give the whole file instead"
                )
            self._step()
        if self._open:
            raise Problem(
                f"the answer ends inside a code fence ({self._open[-1]}): it seems to be cut off; "
                "send all of it again, and close the fence"
            )
        last = next((line for line in reversed(self._lines) if line.strip()), "")
        if _CUT.match(last):
            raise Problem(
                f"the answer ends at {last.strip()!r}: it is cut off; send all of it again"
            )
        if self._number and self._above:
            tail = [line for line in self._above if line.strip()]
            if len(tail) == 1 and tail[0] == last and path_line(last, self._known) in self._known:
                raise Problem(
                    f"the answer ends at {last.strip()!r} with no block after it: it seems to be cut "
                    "off; send all of it again"
                )

    def _step(self) -> None:
        line = self._lines[self._at]
        if _THINKS.match(line):
            self._skip_reasoning()
        elif _is_start(line):
            self._block()
        elif is_diff_start(self._lines, self._at):
            self._bare_diff()
        elif line.strip() == "*** Begin Patch":
            self._patch()
        elif (said := _GONE.match(line)) is not None:
            name = self._name("deletion")
            path = said[1].strip("*`\"' \t")
            self._take([Gone(name=name, path=path)], self._at + 1)
        elif _FENCE.match(line):
            self._fence()
        elif _ANY_START.match(line) and self._at + 1 < len(self._lines):
            raise Problem(
                f"line {self._at + 1} of the answer, {line.strip()!r}, begins no block; begin one with "
                "<<<<<<< SEARCH"
            )
        elif _END.match(line) and ("REPLACE" in line.upper() or ">>>>>>>" in line):
            raise Problem(
                f"line {self._at + 1} of the answer, {line.strip()!r}, ends a block that was never "
                "begun; a block is <<<<<<< SEARCH, old lines, =======, new lines, >>>>>>> REPLACE"
            )
        else:
            self._say(line)

    def _say(self, line: str) -> None:
        self.found.prose.append(line)
        self._above.append(line)
        self._at += 1

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind} {self._number}"

    def _take(self, items: list[Item], at: int) -> None:
        self.found.items += items
        self._above = []
        self._at = at

    # --- reasoning ---

    def _skip_reasoning(self) -> None:
        opened = _THINKS.match(self._lines[self._at])
        assert opened is not None
        close = f"</{opened[1]}>".lower()
        for at in range(self._at, len(self._lines)):
            end = self._lines[at].lower().find(close)
            if end >= 0:
                self._lines[at] = self._lines[at][end + len(close) :]
                self._at = at
                self.found.prose.append("")
                return
        raise Problem(
            f"the answer ends while it is still thinking (<{opened[1]}> is never closed): think less, "
            "and give the answer"
        )

    # --- SEARCH/REPLACE ---

    def _block(self) -> None:
        start = self._at
        opened = _START.match(self._lines[start])
        assert opened is not None
        name = self._name("block")
        end = start + 1
        while end < len(self._lines) and not _END.match(self._lines[end]):
            if _is_start(self._lines[end]):
                raise Problem(
                    f"{name}: another SEARCH begins before this block has ended; end each block with "
                    ">>>>>>> REPLACE"
                )
            end += 1
        body = self._lines[start + 1 : end]
        if end == len(self._lines):
            missing = ">>>>>>> REPLACE"
            raise Problem(
                f"{name}: the answer ends before its {missing!r} line: it seems to be cut off; nothing "
                "was applied, send all of it again"
            )
        readings = _readings(body)
        if not readings:
            raise Problem(
                f"{name}: no ======= line stands between the old lines and the new ones; write "
                "<<<<<<< SEARCH, old lines, =======, new lines, >>>>>>> REPLACE"
            )
        said = path_line(opened[1], self._known) if opened[1].strip() else None
        path = said or self._path_above()
        self._take([Swap(name=name, path=path, readings=readings)], end + 1)

    def _path_above(self) -> str | None:
        """What the lines above a block say of its file."""
        near = [line for line in self._above if line.strip()][-_NEAR:]
        for line in reversed(near):
            if (path := path_line(line, self._known)) is not None:
                return path
        for line in reversed(near):
            if (path := mentioned(line, self._known)) is not None:
                return path
        return None

    # --- diffs ---

    def _bare_diff(self) -> None:
        """One with no fence of its own: it may stand in one that is around blocks."""
        end, fenced = len(self._lines), bool(self._open)
        self._diff(next(self._bare_after(self._at), end) if fenced else end, fenced=fenced)

    def _diff(self, end: int, *, fenced: bool) -> None:
        read = read_diff(
            self._lines,
            self._at,
            end,
            fenced=fenced,
            path=self._path_above(),
            number=self._number + 1,
        )
        self._take_read(read)

    def _patch(self) -> None:
        self._take_read(read_patch(self._lines, self._at, number=self._number + 1))

    def _take_read(self, read: Read) -> None:
        self._number += max(1, len(read.items))
        self.found.notes += read.notes
        self._take(read.items, read.at)

    # --- fences ---

    def _fence(self) -> None:
        at = self._at
        opened = _FENCE.match(self._lines[at])
        assert opened is not None
        mark, info = opened[2], opened[3].strip()
        if (
            not info
            and self._open
            and self._open[-1][0] == mark[0]
            and len(mark) >= len(self._open[-1])
        ):
            self._open.pop()
            self._at += 1
            return
        if self._is_around_blocks(at, mark):
            self._open.append(mark)
            self._above.append(info_path(info, self._known) or "")
            self._at += 1
            return
        language = info.split(maxsplit=1)[0].lower() if info else ""
        first = self._first_said(at)
        if (
            language in _DIFFS
            or is_diff_start(self._lines, first)
            or HUNK.match(self._lines[first])
        ):
            self._fenced_diff(mark, first)
        else:
            self._code(mark, info, language)

    def _is_around_blocks(self, at: int, mark: str) -> bool:
        """Whether a block or a patch begins before a line that could close the fence."""
        if self._lines[self._first_said(at)].strip() == "*** Begin Patch":
            return True
        position = bisect_right(self._starts, at)
        if position == len(self._starts):
            return False
        start = self._starts[position]
        for bare in self._bare_after(at):
            if bare > start:
                return True
            if _closes(self._lines[bare], mark):
                return False
        return True

    def _first_said(self, at: int) -> int:
        """The first line below that is not blank; the same one where there is none."""
        below = range(at + 1, len(self._lines))
        return next((i for i in below if self._lines[i].strip()), at)

    def _bare_after(self, at: int) -> Iterator[int]:
        """The lines below that may close a fence."""
        places = range(bisect_right(self._bare, at), len(self._bare))
        return (self._bare[place] for place in places)

    def _fenced_diff(self, mark: str, first: int) -> None:
        for end in self._bare_after(self._at):
            if _closes(self._lines[end], mark) and not self._lines[end].startswith((" ", "\t")):
                break
        else:
            raise _unclosed(self._at, self._lines)
        body = self._lines[first:end]
        self._at = first
        if any(_is_change(line) for line in body) or any(HUNK.match(line) for line in body):
            self._diff(end, fenced=True)
        self._at = end + 1

    def _code(self, mark: str, info: str, language: str) -> None:
        at = self._at
        end = self._close(at, mark)
        content = tuple(self._lines[at + 1 : end])
        self._at = end + 1
        above = next((line for line in reversed(self._above[-_NEAR:]) if line.strip()), "")
        said = _WHOLE.match(above)
        within = next((line for line in content if line.strip()), "")
        if said is None and (inner := _WHOLE.match(within)) is not None:
            said, content = inner, content[content.index(within) + 1 :]
        path = info_path(info, self._known) or path_line(above, self._known)
        if said is not None:
            tail = _SHORTER.sub("", said[2])
            name = self._name("file")
            whole = Whole(
                name=name,
                path=path_line(tail, self._known) or tail.strip("*`\"' \t"),
                lines=content,
                is_marked=True,
                is_shorter=tail != said[2],
                is_new=said[1] == "NEW",
            )
            self._take_whole(whole)
        elif path is not None and language not in _NO_FILES:
            name = self._name("file")
            self._take_whole(Whole(name=name, path=path, lines=content))
        else:
            self._aside(content, info, language, above)

    def _aside(self, content: Lines, info: str, language: str, above: str) -> None:
        if not info and self._wholes:
            raise Problem(
                "a code fence without a language follows a whole file: that file may contain ``` itself; "
                "put ````, four backticks, around a file that has ``` in it"
            )
        if language in _NO_FILES:
            self.found.prose += ["", *content, ""]
            return
        path = commented_path(content, self._known) or mentioned(above, self._known)
        name = f"the code fence that ends in line {self._at} of the answer"
        self.found.loose.append(Whole(name=name, path=path, lines=content, is_mentioned=True))
        self.found.prose += ["", *content, ""] if not info else [""]
        self._above = []

    def _take_whole(self, whole: Whole) -> None:
        self._wholes += 1
        self._take([whole], self._at)

    def _close(self, at: int, mark: str) -> int:
        """The line that closes a fence; fences with a language inside it are part of what it holds."""
        depth = 0
        for line in range(at + 1, len(self._lines)):
            found = _FENCE.match(self._lines[line])
            if found is None or found[2][0] != mark[0] or len(found[2]) < len(mark):
                continue
            if not found[3].strip():
                if depth == 0:
                    return line
                depth -= 1
            elif _LANGUAGE.match(found[3].strip()):
                depth += 1
        raise _unclosed(at, self._lines)


def _without_reasoning(text: str, notes: list[str]) -> str:
    """Without line ends of other systems, and without reasoning whose first tag the server has eaten."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    if "<<<<<" not in text and "&lt;&lt;&lt;&lt;&lt;" in text:
        notes.append("the answer was written with HTML entities")
        text = (
            text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", '"')
            .replace("&#39;", "'")
            .replace("&#x27;", "'")
            .replace("&amp;", "&")
        )
    closed = _THOUGHT.search(text)
    if closed is not None and not _OPENED.search(text, 0, closed.end()):
        text = text[closed.end() :]
    return text


def _is_start(line: str) -> bool:
    if _START.match(line) is None:
        return False
    return "<<<<<" in line or "SEARCH" in line.upper()


def _bare_fence(line: str) -> str | None:
    found = _FENCE.match(line)
    return found[2] if found is not None and not found[3].strip() else None


def _closes(line: str, mark: str) -> bool:
    bare = _bare_fence(line)
    return bare is not None and bare[0] == mark[0] and len(bare) >= len(mark)


def _is_change(line: str) -> bool:
    return line.startswith(("+", "-")) and not line.startswith(("+++", "---"))


def _unclosed(at: int, lines: list[str]) -> Problem:
    return Problem(
        f"the code fence in line {at + 1} of the answer ({lines[at].strip()[:40]!r}) is never closed: the "
        "answer seems to be cut off; nothing was applied, send all of it again and close the fence"
    )


def _readings(body: list[str]) -> tuple[tuple[Lines, Lines], ...]:
    """Old and new lines of a block, cut at each line that may be its divider."""
    cuts = [i for i, line in enumerate(body) if _DIVIDER.match(line)]
    usual = [i for i in cuts if _USUAL_DIVIDER.match(body[i].strip())]
    cuts = (usual or cuts)[:20]
    return tuple((tuple(body[:cut]), tuple(body[cut + 1 :])) for cut in cuts)
