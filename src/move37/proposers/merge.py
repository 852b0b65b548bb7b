"""Merges two programs: what one branch changed since the two parted is made to the other as well.

Needs no model. It takes whole changes or nothing: where both branches changed the same lines in different
ways, that is a conflict, which somebody else may resolve.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from move37.core.errors import ProposalFailed
from move37.core.facts import Fact
from move37.core.protocols import Request
from move37.core.records import CONFLICT, MERGE, Proposal

Edit = tuple[int, int, tuple[bytes, ...]]
"""Lines of the base, from and to, and what stands there instead."""

_MOST_LINES = 2_000
"""Between the first and the last line that differ. Comparing more would take too long."""


class Merge:
    """Implements `core.protocols.Proposer`. Remembers nothing."""

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def propose(self, request: Request) -> Proposal:
        if len(request.parents) != 2:
            raise ProposalFailed("a merge has two parents")
        first, other = request.parents
        base = request.history.meeting(first.id, other.id)
        if base is None:
            raise ProposalFailed(f"x{first.id} and x{other.id} have no ancestor in common")
        program = request.library.program
        changes = merged(program(base), request.files, program(other.id))
        if not changes:
            raise ProposalFailed(f"x{first.id} has all that x{other.id} changed since x{base}")
        if request.is_known(changes):
            raise ProposalFailed(f"the study has the merge of x{first.id} and x{other.id} already")
        gain = request.beliefs.difference(other.id, base)
        return Proposal(
            changes=changes,
            move=MERGE,
            hypothesis=f"what x{other.id} changed since x{base} helps x{first.id}, too",
            predicted_effect=None if gain is None else gain.mean,
            detail={"base": base, "other": other.id},
        )


def merged(
    base: Mapping[str, bytes], first: Mapping[str, bytes], other: Mapping[str, bytes]
) -> dict[str, bytes | None]:
    """What has to be changed in `first` so that it has what `other` changed in `base`.

    Raises `ProposalFailed`, whose message begins with `CONFLICT`, where the two do not go together.
    """
    changes: dict[str, bytes | None] = {}
    for path in sorted({*base, *other}):
        was, ours, theirs = base.get(path), first.get(path), other.get(path)
        if theirs in (was, ours):
            continue
        if ours == was:
            changes[path] = theirs
        elif was is None or ours is None or theirs is None:
            raise ProposalFailed(
                f"{CONFLICT}: both changed {path}, and one has added or removed it"
            )
        else:
            changes[path] = _merged_file(path, was, ours, theirs)
    return {path: data for path, data in changes.items() if data != first.get(path)}


def _merged_file(path: str, base: bytes, first: bytes, other: bytes) -> bytes:
    before, ours, theirs = (text.splitlines(keepends=True) for text in (base, first, other))
    if b"\0" in base + first + other:
        raise ProposalFailed(f"{CONFLICT}: both changed {path}, which is no text")
    lines: list[bytes] = []
    done = 0
    for start, end, new in _joined(path, _edits(path, before, ours), _edits(path, before, theirs)):
        lines += before[done:start]
        lines += new
        done = end
    data = b"".join([*lines, *before[done:]])
    if path.endswith(".py") and _parses(first) and not _parses(data):
        raise ProposalFailed(f"{CONFLICT}: the merge of {path} is not Python any more")
    return data


def _edits(path: str, before: Sequence[bytes], after: Sequence[bytes]) -> list[Edit]:
    # What is alike at both ends is taken off first: among many equal lines a match could be anywhere.
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if max(len(old), len(new)) > _MOST_LINES:
        raise ProposalFailed(f"{CONFLICT}: too much of {path} was changed to merge it by lines")
    found: list[Edit] = []
    for tag, start, end, low, high in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "replace" and end - start == high - low:
            # Line by line: settings that stand below one another are changed one by one.
            pairs = zip(range(start, end), new[low:high], strict=True)
            found += [(head + place, head + place + 1, (line,)) for place, line in pairs]
        elif tag != "equal":
            found.append((head + start, head + end, tuple(new[low:high])))
    return found


def _joined(path: str, ours: Sequence[Edit], theirs: Sequence[Edit]) -> Iterator[Edit]:
    """All edits in order, those that both made once. Raises `ProposalFailed` where two overlap."""
    previous: Edit | None = None
    for edit in sorted({*ours, *theirs}):
        if previous is not None and _clash(previous, edit):
            line = edit[0] + 1
            raise ProposalFailed(
                f"{CONFLICT}: both changed {path} at line {line} in different ways"
            )
        previous = edit
        yield edit


def _clash(one: Edit, later: Edit) -> bool:
    """Whether they overlap; two insertions at one place do, as nobody knows their order."""
    return later[0] < one[1] or (later[0] == one[0] and later[1] == one[1])


def _parses(data: bytes) -> bool:
    with warnings.catch_warnings(action="ignore"):
        try:
            ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
