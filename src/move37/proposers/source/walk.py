"""Walking a syntax tree for what can be turned: the part that all languages share.

A walk of the same text in the same context finds the same things, so the findings of small subtrees
are remembered: after an edit of one line only that line is walked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node

Topic = Literal["seed", "flow", "sibling", "parameter", "key", "lookup"]
Kind = Literal["number", "bool", "choice", "swap", "delete", "cache"]


def names(words: str) -> frozenset[str]:
    """A set of names, written as one text."""
    return frozenset(words.split())


class Context(NamedTuple):
    """What is known about a subtree from above."""

    scope: str = ""
    """Where in the file: function, class or key path."""
    name: str = ""
    """Behind which name: the variable, keyword or key."""
    element: str = ""
    """Where in a list or tuple of that name."""
    named: bool = False
    """Nothing stands between the name and here."""
    weight: float = 1.0
    dead: str = ""
    """Why nothing here may be turned; empty when it may."""


class Found(NamedTuple):
    """Something found, turnable or not: the dead ones keep the count, so that names stay stable."""

    start: int
    end: int
    kind: Kind
    context: Context
    options: tuple[str, ...] = ()
    """For swaps and caches: what may stand here."""


class Note(NamedTuple):
    """Something that a subtree says about the whole file."""

    about: Topic
    """A name that seeds; a name computed from another; a string that a name is compared with; what a
    function calls its argument; a key of a table; by what a table is looked up."""
    name: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    literals: Sequence[Found]
    notes: Sequence[Note]


Memo = dict[tuple[str, str, bytes, Context], Findings]

SMALL = 400
"""Subtrees up to so many bytes are remembered as one piece."""
MEMO_ENTRIES = 8192


class Walk:
    """One walk over one file. Subclasses know the language."""

    language = ""

    def __init__(self, source: bytes, memo: Memo) -> None:
        self.source = source
        self._memo = memo
        self._literals: list[Found] = []
        self._notes: list[Note] = []

    def find(self, root: "Node") -> Findings:
        self.visit(root, Context())
        return Findings(self._literals, self._notes)

    def text(self, node: "Node") -> str:
        return self.source[node.start_byte : node.end_byte].decode()

    def visit(self, node: "Node", context: Context) -> None:
        """Find everything below `node`."""
        if 24 <= node.end_byte - node.start_byte <= SMALL:
            self.recall(node, context, node.type, self.enter)
        else:
            self.enter(node, context)

    def recall(
        self,
        node: "Node",
        context: Context,
        role: str,
        walk: Callable[["Node", Context], None],
    ) -> None:
        """What `walk` finds in a node: remembered, by the text, the context and the node's role."""
        start = node.start_byte
        key = (self.language, role, self.source[start : node.end_byte], context)
        known = self._memo.get(key)
        if known is None:
            known = self._walk_afresh(node, context, walk)
            if len(self._memo) >= MEMO_ENTRIES:
                self._memo.clear()
            self._memo[key] = known
        for found in known.literals:
            self._literals.append(found._replace(start=found.start + start, end=found.end + start))
        self._notes.extend(known.notes)

    def _walk_afresh(
        self, node: "Node", context: Context, walk: Callable[["Node", Context], None]
    ) -> Findings:
        outside = self._literals, self._notes
        self._literals, self._notes = [], []
        walk(node, context)
        start = node.start_byte
        literals = [f._replace(start=f.start - start, end=f.end - start) for f in self._literals]
        findings = Findings(literals, self._notes)
        self._literals, self._notes = outside
        return findings

    def enter(self, node: "Node", context: Context) -> None:
        """Deal with one node; by default, look into its children."""
        self.children(node, context)

    def children(self, node: "Node", context: Context) -> None:
        for child in node.named_children:
            self.visit(child, context)

    def found(
        self,
        kind: Kind,
        start: int,
        end: int,
        context: Context,
        options: tuple[str, ...] = (),
    ) -> None:
        self._literals.append(Found(start, end, kind, context, options))

    def note(self, about: Topic, name: str, other: str = "") -> None:
        self._notes.append(Note(about, name, other))
