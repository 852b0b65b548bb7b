"""Puts what an answer asks for into a file: where it certainly belongs, or not at all."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

from move37.proposers.reply.elisions import is_elision, new_elision, split_at_elisions
from move37.proposers.reply.indent import Indents, indent_of
from move37.proposers.reply.match import LOOKS, MOST_MATCHES, Effort, Look, Match, find, pairs
from move37.proposers.reply.parts import Lines, Problem, Swap
from move37.proposers.reply.variants import unframed, variants

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_DRIFT = 3
"""So many lines at either end of a block may be told wrongly, if what is changed is certain."""
_SMALL = 250_000
"""Old times new lines, up to which the two are compared line by line."""
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class _Found:
    """A place, and how the block has to be read so that it is there."""

    match: Match
    old: Lines
    new: Lines
    look: Look
    note: str


class Draft:
    """A text file while it is being changed."""

    def __init__(self, path: str, data: bytes, effort: Effort) -> None:
        """Raises `Problem` where it is no text."""
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise Problem(
                f"{path} is not text in UTF-8 and cannot be changed by an answer"
            ) from error
        if "\0" in text:
            raise Problem(f"{path} is a binary file and cannot be changed by an answer")
        self.path = path
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        rows: list[str] = _LINES.findall(text[len(self._mark) :])
        self.lines = [_cut_end(row)[0] for row in rows]
        self._ends = [_cut_end(row)[1] for row in rows]
        crlf = sum(end == "\r\n" for end in self._ends)
        self._end = "\r\n" if 2 * crlf > sum(map(bool, self._ends)) else "\n"
        self._has_newline = not rows or bool(self._ends[-1])
        self._first = tuple(self.lines)
        self._effort = effort
        self.notes: list[str] = []
        self.is_certain = True
        """Nothing but the exact text was needed so far."""

    @property
    def is_blank(self) -> bool:
        return not any(line.strip() for line in self.lines)

    def content(self) -> bytes:
        """The file as it is now."""
        rows = list(zip(self.lines, self._ends, strict=True))
        text = "".join(line + (end or self._end) for line, end in rows[:-1])
        if rows:
            line, end = rows[-1]
            text += line + ((end or self._end) if self._has_newline else "")
        return (self._mark + text).encode()

    def fill(self, lines: Lines, newline: bool | None = None) -> None:
        """Replace all of it. Lines that stay keep their line ends."""
        if not self.is_blank or self.lines:
            match = Match(0, len(self.lines), tuple(range(len(self.lines))))
            spliced = _spliced(self.lines, match, tuple(self.lines), lines, None)
        else:
            spliced = [(line, None) for line in lines]
        self._splice(0, len(self.lines), spliced)
        if newline is not None:
            self._has_newline = newline

    # --- a swap ---

    def swap(self, swap: Swap) -> None:
        """Put new lines in the place of the old ones. Raises `Problem` unless it is certain where."""
        if all(old == new for old, new in swap.readings):
            self.notes.append(f"{swap.name} changes nothing")
            return
        found = self._find(swap)
        if found is None:
            self._swap_otherwise(swap)
            return
        if found[0].note:
            self.notes.append(f"{swap.name}: {found[0].note}")
            self.is_certain = self.is_certain and found[0].look in LOOKS[:2]
        for each in sorted(found, key=lambda one: -one.match.start):
            self._put(each, swap)

    def _swap_otherwise(self, swap: Swap) -> None:
        """For lines that are not there as they were written."""
        if tuple(self.lines) != self._first:
            before = self._seen(swap, self._first)
            if before is not None:
                raise Problem(
                    f"{swap.name}: its old lines are in {self.path}, but an earlier block of this answer "
                    "changed some of them; join the two blocks in one"
                )
        for way in (self._within_a_line, self._elided, self._drifted):
            if way(swap):
                self.is_certain = False
                return
        raise Problem(self._not_found(swap))

    def _seen(self, swap: Swap, lines: Sequence[str]) -> int | None:
        """The first way of looking that finds a swap in these lines."""
        for number, look in enumerate(LOOKS):
            for old, _ in swap.readings:
                if _is_worth(old, look) and find(lines, old, look, self._effort):
                    return number
        return None

    def _find(self, swap: Swap) -> list[_Found] | None:
        """The one place, or as many as the answer asks for. Raises `Problem` where it is not clear."""
        ways = list(variants(swap))
        for number, look in enumerate(LOOKS):
            found: list[_Found] = []
            for old, new, said in ways:
                if not _is_worth(old, look):
                    continue
                note = "; ".join(part for part in (said, look.note) if part)
                for match in find(self.lines, old, look, self._effort):
                    found.append(_Found(match, old, new, look, note))
                if found and said != ways[0][2]:
                    break
            if found:
                self._refuse_stale(swap, number)
                return self._chosen(swap, found)
        return None

    def _refuse_stale(self, swap: Swap, number: int) -> None:
        """What was there exactly, and was changed meanwhile, is not looked for less exactly."""
        if number and tuple(self.lines) != self._first:
            before = self._seen(swap, self._first)
            if before is not None and before < number:
                raise Problem(
                    f"{swap.name}: an earlier block of this answer changed its old lines in {self.path}; "
                    "join the two blocks in one"
                )

    def _chosen(self, swap: Swap, found: list[_Found]) -> list[_Found]:
        if len(found) == 1:
            return found
        if len({id(one.old) for one in found}) == 1 and len(found) == swap.times:
            return found
        if swap.line is not None and swap.times == 1:
            there = [one for one in found if one.match.start == swap.line]
            if len(there) == 1 and not self.notes:
                return there
        if swap.section and (near := self._in_section(swap.section, found)) is not None:
            return [near]
        longest = max(len(one.old) for one in found)
        if len(longer := [one for one in found if len(one.old) == longest]) == 1:
            return longer
        results = {tuple(self._result(one)) for one in found}
        if len(results) == 1:
            return found[:1]
        places = ", ".join(str(one.match.start + 1) for one in found[:6])
        shown = f"{len(found)}" if len(found) < MOST_MATCHES else f"{MOST_MATCHES} or more"
        raise Problem(
            f"{swap.name}: its old lines are in {self.path} at {shown} places (lines {places}); begin "
            "SEARCH some lines earlier, or end it later, so that it fits one place only:\n"
            + "\nor\n".join(self._excerpt(one.match.start - 2, 5) for one in found[:2])
        )

    def _in_section(self, section: str, found: list[_Found]) -> _Found | None:
        """The match in the one place that is headed by what stands after `@@`."""
        head = section.strip()
        heads = [i for i, line in enumerate(self.lines) if line.strip() == head]
        if len(heads) != 1 or len(head) < 4:
            return None
        depth = len(indent_of(self.lines[heads[0]]))
        end = heads[0] + 1
        while end < len(self.lines) and (
            not self.lines[end].strip() or len(indent_of(self.lines[end])) > depth
        ):
            end += 1
        inside = [one for one in found if heads[0] <= one.match.start < end]
        return inside[0] if len(inside) == 1 else None

    def _result(self, found: _Found) -> list[str]:
        try:
            rows = self._rows(found)
        except Problem:
            return []
        return [
            *self.lines[: found.match.start],
            *(line for line, _ in rows),
            *self.lines[found.match.end :],
        ]

    def _put(self, found: _Found, swap: Swap) -> None:
        elided = new_elision(found.old, found.new, self.lines)
        if elided is not None:
            raise Problem(
                f"{swap.name}: the line {elided[:80]!r} stands for lines that you left out, and would "
                f"replace them in {self.path}; write all lines in full, or make the block smaller"
            )
        try:
            rows = self._rows(found)
        except Problem as problem:
            raise Problem(f"{swap.name}: {problem} (in {self.path})") from problem
        touches_end = found.match.end == len(self.lines)
        self._splice(found.match.start, found.match.end, rows)
        if touches_end and swap.newline_at_end is not None:
            self._has_newline = swap.newline_at_end

    def _rows(self, found: _Found) -> list[tuple[str, int | None]]:
        indents = None
        if found.look.any_indent:
            there = pairs(self.lines, found.old, found.match)
            indents = Indents(there, found.old + found.new, self.lines)
        return _spliced(self.lines, found.match, found.old, found.new, indents)

    def _splice(self, start: int, end: int, rows: Sequence[tuple[str, int | None]]) -> None:
        for line, kept in rows:
            if kept is None and not _is_text(line):
                raise Problem(
                    f"the new line {line[:60]!r} has characters that no text has; leave them out (in Python, "
                    "write them as escapes)"
                )
        ends = [self._end if kept is None else self._ends[kept] for _, kept in rows]
        self.lines[start:end] = [line for line, _ in rows]
        self._ends[start:end] = ends

    # --- less exact ways, each of them for one kind of slip ---

    def _within_a_line(self, swap: Swap) -> bool:
        """One line that lacks only the comment, comma or semicolon at its end."""
        (old, new), *_ = swap.readings
        old, new = unframed(old), unframed(new)
        if len(old) != 1 or len(new) != 1 or len(old[0].strip()) < 4:
            return False
        wanted = old[0].strip()
        tails = re.compile(re.escape(wanted) + r"(\s*[,;]|\s+(?:#|//).*)\Z")
        found = [i for i, line in enumerate(self.lines) if tails.match(line.strip())]
        self._effort.spend(len(self.lines))
        if len(found) != 1 or is_elision(new[0]):
            return False
        line = self.lines[found[0]]
        at = line.index(wanted)
        self.lines[found[0]] = line[:at] + new[0].strip() + line[at + len(wanted) :]
        self.notes.append(f"{swap.name}: the end of the line was missing in it, and was kept")
        return True

    def _elided(self, swap: Swap) -> bool:
        """`...` in both, old and new, for lines that stay."""
        (old, new), *_ = swap.readings
        parts = (split_at_elisions(old), split_at_elisions(new))
        if len(parts[0]) < 2:
            return False
        if len(parts[0]) != len(parts[1]):
            raise Problem(
                f"{swap.name}: SEARCH leaves lines out with '...' and REPLACE does not do so at the same "
                "places; write all lines in full, or use several small blocks"
            )
        last = 0
        rows: list[_Found] = []
        for before, after in zip(*parts, strict=True):
            if before == after and not any(line.strip() for line in before):
                continue
            found = self._only_match(before, LOOKS[:2]) if before else None
            if found is None or found.start < last:
                raise Problem(
                    f"{swap.name}: '...' leaves lines out, and what stands around it is not found in "
                    f"{self.path} exactly once; write all lines in full, or use several small blocks"
                )
            last = found.end
            rows.append(_Found(found, before, after, LOOKS[1], ""))
        for each in reversed(rows):
            self._put(each, swap)
        self.notes.append(f"{swap.name}: '...' was read as lines that stay")
        return True

    def _only_match(self, old: Lines, looks: Sequence[Look]) -> Match | None:
        for look in looks:
            found = find(self.lines, old, look, self._effort)
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _drifted(self, swap: Swap) -> bool:
        """Lines at the ends of a block that it does not change, and that the file has otherwise.

        They must be nowhere else in the file: a line that is says that another place is meant.
        """
        here = {line.strip() for line in self.lines}
        for old, new in swap.readings:
            head, tail = _common_ends(old, new)
            for above in range(min(head, _MOST_DRIFT) + 1):
                for below in range(min(tail, _MOST_DRIFT) + 1):
                    dropped = [*old[:above], *old[len(old) - below :]]
                    if not dropped or any(
                        line.strip() and line.strip() in here for line in dropped
                    ):
                        continue
                    core = old[above : len(old) - below]
                    if not _is_telling(core):
                        continue
                    found = self._only_match(core, LOOKS[:3])
                    if found is None or not self._is_alike(
                        found, old[:above], old[len(old) - below :]
                    ):
                        continue
                    look = LOOKS[2]
                    self._put(_Found(found, core, new[above : len(new) - below], look, ""), swap)
                    self.notes.append(f"{swap.name}: lines around the change differed")
                    return True
        return False

    def _is_alike(self, match: Match, above: Lines, below: Lines) -> bool:
        """Whether the lines at that place resemble the ones that were told."""
        lines = self.lines
        there = [
            *zip(reversed(above), reversed(lines[: match.start]), strict=False),
            *zip(below, lines[match.end :], strict=False),
        ]
        told = [(one.strip(), other.strip()) for one, other in there if one.strip()]
        return all(
            SequenceMatcher(None, one[:200], other[:200], autojunk=False).ratio() >= 0.6
            for one, other in told
        )

    # --- what to say ---

    def _not_found(self, swap: Swap) -> str:
        (old, _), *others = swap.readings
        if others and swap.line is None and not swap.name.startswith(("diff", "patch")):
            return (
                f"{swap.name}: it has {len(others) + 1} ======= lines, and its old lines are not in "
                f"{self.path} wherever it is cut; choose old lines without ======="
            )
        start = self._nearest(old)
        if start is None:
            wanted = next((line for line in old if line.strip()), "")
            return (
                f"{swap.name}: its old lines are not in {self.path}, nor anything like their first line, "
                f"{wanted.strip()[:80]!r}; copy the lines to replace from the file as it is"
            )
        differs = self._first_difference(old, start)
        return (
            f"{swap.name}: its old lines are not in {self.path} as you wrote them{differs}; copy them from "
            f"the file as it is. The nearest lines there are:\n{self._excerpt(start, len(old))}"
        )

    def _nearest(self, old: Lines) -> int | None:
        """Where most of these lines are, each at its distance from the others."""
        self._effort.spend(len(self.lines) + len(old))
        rows: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines):
            rows.setdefault(line.strip(), []).append(number)
        votes: Counter[int] = Counter()
        for index, line in enumerate(old[:200]):
            there = rows.get(line.strip(), []) if line.strip() else []
            for row in there[:20]:
                votes[max(0, row - index)] += 1
        if votes:
            most = max(votes.values())
            return min(start for start, count in votes.items() if count == most)
        wanted = max((line.strip() for line in old[:20]), key=len, default="")[:200]
        near = get_close_matches(
            wanted, [line[:200] for line in list(rows)[:2000] if line], n=1, cutoff=0.5
        )
        if not near:
            return None
        row = next(places[0] for line, places in rows.items() if line[:200] == near[0])
        index = next(i for i, line in enumerate(old) if line.strip()[:200] == wanted)
        return max(0, row - index)

    def _first_difference(self, old: Lines, start: int) -> str:
        for index, line in enumerate(old):
            row = start + index
            there = self.lines[row] if row < len(self.lines) else None
            if there is None:
                return f": the file ends before {line.strip()[:80]!r}"
            if line.strip() != there.strip():
                return f": you wrote {line.strip()[:80]!r} where line {row + 1} is {there.strip()[:80]!r}"
        return ""

    def _excerpt(self, start: int, count: int) -> str:
        start = max(0, start)
        rows = self.lines[start : start + min(max(count, 3), _SHOWN)]
        return "\n".join(f"{start + i + 1:>5} | {line[:160]}" for i, line in enumerate(rows))


# --- helpers -------------------------------------------------------------------------------------


def _cut_end(row: str) -> tuple[str, str]:
    if row.endswith("\r\n"):
        return row[:-2], "\r\n"
    return (row[:-1], "\n") if row.endswith("\n") else (row, "")


def _is_text(line: str) -> bool:
    return "\0" not in line and not any("\ud800" <= char <= "\udfff" for char in line)


def _is_worth(old: Lines, look: Look) -> bool:
    """Blank lines alone are found nowhere; less exact ways need something to hold on to."""
    if not any(line.strip() for line in old):
        return False
    return look is LOOKS[0] or any(any(c.isalnum() for c in line) for line in old)


def _common_ends(old: Lines, new: Lines) -> tuple[int, int]:
    """How many lines both have at the beginning, and then at the end."""
    most = min(len(old), len(new))
    head = next((i for i in range(most) if old[i] != new[i]), most)
    most -= head
    tail = next((i for i in range(most) if old[-1 - i] != new[-1 - i]), most)
    return head, tail


def _is_telling(core: Lines) -> bool:
    """Whether enough is left of a block to know its place by."""
    said = [line for line in core if sum(c.isalnum() for c in line) >= 3]
    return len(said) >= 2 or (len(said) == 1 and len(said[0].strip()) >= 12)


def _spliced(
    file: Sequence[str], match: Match, old: Lines, new: Lines, indents: Indents | None
) -> list[tuple[str, int | None]]:
    """The new lines of a place, each with the line of the file that it is, if it is one.

    Lines that a block does not change stay as the file has them: white space, line end and all.
    """
    rows: list[tuple[str, int | None]] = []
    at = match.start
    for kind, i1, i2, j1, j2 in _changes(old, new):
        there = [place for place in match.places[i1:i2] if place is not None]
        if there:
            last = there[-1] + 1 if kind == "equal" else there[0]
            rows += [(file[row], row) for row in range(at, last)]
            at = there[-1] + 1
        if kind != "equal":
            rows += [(indents.to_file(line) if indents else line, None) for line in new[j1:j2]]
    return rows + [(file[row], row) for row in range(at, match.end)]


def _changes(old: Lines, new: Lines) -> list[tuple[str, int, int, int, int]]:
    if len(old) * len(new) <= _SMALL:
        return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())
    head, tail = _common_ends(old, new)
    return [
        ("equal", 0, head, 0, head),
        ("replace", head, len(old) - tail, head, len(new) - tail),
        ("equal", len(old) - tail, len(old), len(new) - tail, len(new)),
    ]
