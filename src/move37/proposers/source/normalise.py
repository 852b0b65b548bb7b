"""The identity of a program: equal for programs that differ in comments and layout only.

Each file is read as a Merkle tree over its syntax tree, without comments and docstrings, and with
numbers by value (`1e-3` is `0.001`; `1` is not `1.0`). Indentation, where it has a meaning, is in the
shape of the tree; strings count to the byte. It errs on one side only: two programs with one
identity do the same, while some that do the same have two.
"""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

from move37.proposers.source.code_walk import NUMBERS as CODE_NUMBERS
from move37.proposers.source.data_walk import NUMBERS as DATA_NUMBERS
from move37.proposers.source.languages import Grammars, Parsed
from move37.proposers.source.spelling import canonical_number
from move37.proposers.source.walk import names

if TYPE_CHECKING:
    from tree_sitter import Node

_NUMBERS = CODE_NUMBERS | DATA_NUMBERS
_COMMENTS = frozenset(("comment", "line_comment", "block_comment", "line_continuation"))
_EXACT = names(
    "string string_literal raw_string_literal template_string char_literal block_scalar "
    "plain_scalar double_quote_scalar single_quote_scalar preproc_arg "
    "interpreted_string_literal"
)
"""Nodes whose bytes count as they are."""
_BRACKETED = names("argument_list list dictionary set parameters")
"""In Python: where a comma before the closing bracket means nothing."""
SHORT, LARGE = 32, 2000
"""Digests of subtrees up to this size, in bytes, are remembered; by their text when it is short."""


class Normaliser:
    """Computes identities, and remembers those of files and of parts of files."""

    def __init__(self, *, files: int = 1024, parts: int = 16384) -> None:
        """files, parts: how many digests of either are kept."""
        self._grammars = Grammars()
        self._files: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self._parts: dict[tuple[str, str, bytes], bytes] = {}
        self._limits = files, parts

    def identity(self, files: Mapping[str, bytes]) -> str:
        """The identity of a program: of the names and the normalised content of these files."""
        whole = blake2b(digest_size=20)
        for path in sorted(files):
            whole.update(_packed(path.encode()) + self._file(path, files[path]))
        return whole.hexdigest()

    def _file(self, path: str, source: bytes) -> bytes:
        key = path, blake2b(source, digest_size=16).digest()
        digest = self._files.pop(key, None)
        if digest is None:
            parsed = self._grammars.parse(path, source)
            if isinstance(parsed, str) or parsed.root.has_error:
                digest = _digest(b"bytes", _layout_of_text(source))
            else:
                digest = self._fresh(parsed, parsed.root)
        self._files[key] = digest
        if len(self._files) > self._limits[0]:
            self._files.popitem(last=False)
        return digest

    def _part(self, parsed: Parsed, node: "Node") -> bytes:
        start, end = node.start_byte, node.end_byte
        if end - start > LARGE:
            return self._fresh(parsed, node)
        text = parsed.source[start:end]
        if len(text) > SHORT:
            text = blake2b(text, digest_size=SHORT + 1).digest()  # longer than any short text
        key = parsed.language.name, node.type, text
        digest = self._parts.get(key)
        if digest is None:
            if len(self._parts) >= self._limits[1]:
                self._parts.clear()
            digest = self._parts[key] = self._fresh(parsed, node)
        return digest

    def _fresh(self, parsed: Parsed, node: "Node") -> bytes:
        kind = node.type
        children = node.children
        if not children or kind in _EXACT:
            return _leaf(parsed, node)
        pieces = [kind.encode()]
        last = len(children) - 1
        python = parsed.language.family == "python"
        for index, child in enumerate(children):
            type = child.type
            if type in _COMMENTS:
                continue
            if python and _means_nothing(child, type, kind, closing=index == last - 1):
                continue
            pieces.append(self._part(parsed, child))
        return _digest(*pieces)


def _means_nothing(node: "Node", type: str, parent: str, *, closing: bool) -> bool:
    """In Python: docstrings, `;`, and the comma before a closing bracket."""
    if type == ";":
        return True
    if type == ",":
        return closing and parent in _BRACKETED
    if type == "expression_statement":
        inner = node.named_children
        return len(inner) == 1 and inner[0].type == "string" and _is_plain(inner[0])
    return False


def _is_plain(string: "Node") -> bool:
    return all(child.type != "interpolation" for child in string.children)


def _leaf(parsed: Parsed, node: "Node") -> bytes:
    text = parsed.source[node.start_byte : node.end_byte]
    kind = node.type
    if kind in _NUMBERS:
        suffix_matters = parsed.language.family == "code"
        text = canonical_number(text.decode(), suffix_matters=suffix_matters).encode()
    elif kind == "preproc_arg":
        text = text.strip()
    return _digest(kind.encode(), text)


def _layout_of_text(source: bytes) -> bytes:
    """For files without a grammar: line ends and blanks before them do not count."""
    if b"\0" in source:
        return source
    return b"\n".join(line.rstrip() for line in source.splitlines()).rstrip()


def _packed(piece: bytes) -> bytes:
    return len(piece).to_bytes(4, "big") + piece


def _digest(*pieces: bytes) -> bytes:
    return blake2b(b"".join(map(_packed, pieces)), digest_size=16).digest()
