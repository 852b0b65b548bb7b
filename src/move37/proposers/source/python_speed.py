"""What makes a Python program faster and leaves its results alone, if all is well: remembering results.

A function of the module is remembered by its arguments, a property by its object. Whether that is right
(is nothing counted, is what is returned never changed, does it rest on nothing else?) cannot be seen here:
the task's tests and its evaluation say so. What surely acts on the world is left out, and the constants of
other modules that a module reads, such as `defaults.LIMIT`, are remembered by, too: they are settings.
"""

import ast
import re
import sys
from collections.abc import Iterator
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from move37.proposers.source.walk import names

if TYPE_CHECKING:
    from tree_sitter import Node

HELPER = "_remember"
"""What we call the function that we add to a program."""
REMEMBER = f"@{HELPER}"
PROPERTY, ONCE = "@property", "@functools.cached_property"

_BY_ARGUMENTS = """\
    def _remember(function):
        \"\"\"Remember what a function returned, by its arguments.\"\"\"
        known = functools.lru_cache(maxsize=1024, typed=True)(function)

        @functools.wraps(function)
        def remembered(*given, **named):
            try:
                return known(*given, **named)
            except TypeError:  # an argument without a hash; or else it is raised again
                return function(*given, **named)

        return remembered
"""
_BY_SETTINGS = """\
    def _remember(function):
        \"\"\"Remember what a function returned, by its arguments and the settings that this module reads.\"\"\"
        known = functools.lru_cache(maxsize=1024, typed=True)(
            lambda settings, *given, **named: function(*given, **named)
        )

        @functools.wraps(function)
        def remembered(*given, **named):
            try:
                return known((SETTINGS,), *given, **named)
            except TypeError:  # an argument without a hash; or else it is raised again
                return function(*given, **named)

        return remembered
"""
"""Bounded, so that no program fills the memory; `typed`, as 1, 1.0 and True may be rendered otherwise."""

_OURS = b"def _remember(function):"
_TAKEN = re.compile(rb"\b_remember\b")
_WRITTEN = re.compile(r"\bself\.(\w+)(?=(?:[^\S\n]*,[^=\n]*)?\s*[^\s=!<>]{0,3}=(?!=))")
"""What is assigned of an object, alone, among others, or with an operator."""
_ACTS = names(
    "yield await global_statement nonlocal_statement print open input exec eval random secrets uuid time "
    "now today environ getenv urandom rng seed socket subprocess sleep next write writelines flush"
)
"""Words of the program and kinds of nodes: a function that has one of them does more than to compute."""


class Spot(NamedTuple):
    """Where results can be remembered, or are."""

    start: int
    end: int
    name: str
    options: tuple[str, str]
    """As it is written without, and with."""


def spot_of(node: "Node", source: bytes) -> Spot | None:
    """node: a function, or one with its decorators. `None`: there is nothing to remember here."""
    if _TAKEN.search(source) and _OURS not in source:
        return None
    if node.type == "function_definition":
        return _plain(node, source)
    definition = node.child_by_field_name("definition")
    decorators = [child for child in node.named_children if child.type == "decorator"]
    if definition is None or definition.type != "function_definition" or len(decorators) != 1:
        return None
    written = _text(decorators[0], source)
    if written in (PROPERTY, ONCE):
        return _property(decorators[0], definition, node, source)
    if written == REMEMBER and (plain := _function(definition, node.parent, source)) is not None:
        return plain._replace(start=node.start_byte)
    return None


def _plain(node: "Node", source: bytes) -> Spot | None:
    return _function(node, node.parent, source)


def _function(node: "Node", parent: "Node | None", source: bytes) -> Spot | None:
    """A function of the module itself that has parameters and returns something."""
    text, name = _text(node, source), node.child_by_field_name("name")
    parameters = node.child_by_field_name("parameters")
    if parent is None or parent.type != "module" or name is None:
        return None
    if parameters is None or not parameters.named_children:
        return None
    if _text(name, source) == HELPER:
        return None
    if not text.startswith("def ") or not _computes(node, source):
        return None
    start = node.start_byte
    ending = "\r\n" if b"\r\n" in source else "\n"
    return Spot(start, start + 3, _text(name, source), ("def", f"{REMEMBER}{ending}def"))


def _property(decorator: "Node", function: "Node", node: "Node", source: bytes) -> Spot | None:
    """A property that nobody sets, of a class whose objects have a dictionary."""
    name, body = function.child_by_field_name("name"), node.parent
    if name is None or body is None or body.type != "block":
        return None
    word, rest = _text(name, source), _text(body, source)
    if re.search(rf"@{re.escape(word)}\.(?:setter|deleter)\b|\b__slots__\b", rest):
        return None
    if not _computes(function, source) or _changes(function, body, source):
        return None
    return Spot(decorator.start_byte, decorator.end_byte, word, (PROPERTY, ONCE))


def _changes(function: "Node", body: "Node", source: bytes) -> bool:
    """Whether what a property reads of its object is set again by another method of the class."""
    read = set(re.findall(r"\bself\.(\w+)", _text(function, source)))
    for child in body.named_children:
        method = child.child_by_field_name("definition") or child
        name = method.child_by_field_name("name")
        begins = name is not None and _text(name, source) in ("__init__", "__new__")
        if method.type == "function_definition" and not begins and method.id != function.id:
            written = _WRITTEN.findall(_text(method, source))
            if not read.isdisjoint(written):
                return True
    return False


def _computes(function: "Node", source: bytes) -> bool:
    """Whether it returns something and, as far as its words tell, does nothing else."""
    pending, returns = [function], False
    while pending:
        node = pending.pop()
        if (node.type == "identifier" and _text(node, source) in _ACTS) or node.type in _ACTS:
            return False
        returns |= node.type == "return_statement" and bool(node.named_children)
        pending += node.named_children
    return returns


def with_needs(source: bytes, text: str) -> bytes:
    """The program with what `text`, a spelling of ours that stands in it, needs to be defined before it."""
    if "functools" in text or REMEMBER in text:
        source = _with_import(source)
    if REMEMBER in text and _OURS not in source:
        source = _with_helper(source)
    return source


def _with_import(source: bytes) -> bytes:
    """With `import functools` before its first import; as it is, where it has that already."""
    if re.search(rb"(?m)^import functools[ \t]*(?:#.*)?\r?$", source):
        return source
    body = _parsed(source)
    after = 0
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom) and not _is_future(statement):
            after = statement.lineno - 1
            break
        if not (_is_future(statement) or isinstance(statement, ast.Expr)):
            break
        after = statement.end_lineno or after
    return _inserted(source, after, "import functools\n")


def _with_helper(source: bytes) -> bytes:
    """With `_remember` behind the imports that it begins with."""
    after = 0
    for statement in _parsed(source):
        if not isinstance(statement, ast.Import | ast.ImportFrom | ast.Expr):
            break
        after = statement.end_lineno or after
    settings = list(dict.fromkeys(_settings(source)))
    helper = dedent(_BY_SETTINGS if settings else _BY_ARGUMENTS)
    each = ", ".join(settings) + ("," if len(settings) == 1 else "")
    helper = helper.replace("(SETTINGS,)", f"({each})")
    rest = source.splitlines()[after : after + 2]
    gap = 2 - sum(1 for line in rest if not line.strip())
    return _inserted(source, after, "\n\n" + helper + "\n" * gap)


def _settings(source: bytes) -> Iterator[str]:
    """Constants of modules that are not the standard library's, as this one reads them."""
    imported: set[str] = set()
    body = _parsed(source)
    for statement in body:
        if isinstance(statement, ast.Import):
            bound = [(one.name, one.asname or one.name.split(".")[0]) for one in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            bound = [(module, one.asname or one.name) for one in statement.names]
        else:
            continue
        imported |= {
            name for module, name in bound if module.split(".")[0] not in sys.stdlib_module_names
        }
    nodes = [node for statement in body for node in ast.walk(statement)]
    read = [node for node in nodes if isinstance(node, ast.Attribute)]
    for node in sorted(read, key=lambda node: (node.lineno, node.col_offset)):
        constant = re.fullmatch(r"[A-Z][A-Z0-9_]+", node.attr)
        if constant and isinstance(node.value, ast.Name) and node.value.id in imported:
            yield f"{node.value.id}.{node.attr}"


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _parsed(source: bytes) -> list[ast.stmt]:
    """Its statements; none when only tree-sitter can read it."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _inserted(source: bytes, after: int, text: str) -> bytes:
    """With lines of ours behind so many of its own, and its own line ends."""
    mark = b"\xef\xbb\xbf" if source.startswith(b"\xef\xbb\xbf") else b""
    lines = source.removeprefix(mark).splitlines(keepends=True)
    while after < min(2, len(lines)) and lines[after].startswith(b"#"):
        after += 1  # `#!` and the encoding stay where they mean something
    ending = "\r\n" if b"\r\n" in source else "\n"
    if after and not lines[after - 1].endswith((b"\n", b"\r")):
        lines[after - 1] += ending.encode()
    return mark + b"".join([*lines[:after], text.replace("\n", ending).encode(), *lines[after:]])


def _text(node: "Node", source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode()
