"""What can be turned in configuration: YAML, TOML, JSON. A constant's name is its key path."""

from typing import TYPE_CHECKING

from move37.proposers.source.walk import Context, Memo, Walk, names

if TYPE_CHECKING:
    from tree_sitter import Node

NUMBERS = names("integer_scalar float_scalar integer float number")
BOOLEANS = names("boolean_scalar boolean true false")
PAIRS = names("pair block_mapping_pair flow_pair")
SEQUENCES = names("array block_sequence flow_sequence")
TABLES = names("table table_array_element")
STRINGS = names("string string_scalar double_quote_scalar single_quote_scalar")


class DataWalk(Walk):
    language = "data"

    def __init__(self, source: bytes, memo: Memo, family: str) -> None:
        super().__init__(source, memo)
        self.language = family
        self._tables: dict[str, int] = {}

    def visit(self, node: "Node", context: Context) -> None:
        if node.type in TABLES:
            self.enter(node, context)  # what it is called depends on the tables before it
        else:
            super().visit(node, context)

    def enter(self, node: "Node", context: Context) -> None:
        kind = node.type
        if kind in ("comment", "anchor", "tag", "alias", "bare_key", "quoted_key", "dotted_key"):
            return
        if kind in NUMBERS:
            self.found("number", node.start_byte, node.end_byte, context)
        elif kind in BOOLEANS:
            self.found("bool", node.start_byte, node.end_byte, context)
        elif kind in STRINGS:
            self._string(node, context)
        elif kind in PAIRS:
            self._pair(node, context)
        elif kind in SEQUENCES:
            self._sequence(node, context)
        elif kind in TABLES:
            self._table(node, context)
        else:
            self.children(node, context)

    def _string(self, node: "Node", context: Context) -> None:
        start, end = node.start_byte, node.end_byte
        quote = self.source[start : start + 1]
        if quote in (b'"', b"'"):
            if self.source[start : start + 3] == quote * 3:
                return
            start, end = start + 1, end - 1
        self.found("choice", start, end, context)

    def _pair(self, node: "Node", context: Context) -> None:
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if key is None:  # TOML's pairs have no fields, and hold the comment behind them
            parts = [child for child in node.named_children if child.type != "comment"]
            key, value = parts if len(parts) == 2 else (None, None)
        if key is None or value is None:
            return
        here = _path(context)
        *above, last = self.text(key).strip("\"'").split(".")
        scope = ".".join(filter(None, (here, *above)))
        dead = context.dead or ("a string that is a number" if self._tagged(value) else "")
        self.visit(
            value, context._replace(scope=scope, name=last, element="", named=True, dead=dead)
        )

    def _tagged(self, value: "Node") -> bool:
        return any(child.type == "tag" and "str" in self.text(child) for child in value.children)

    def _sequence(self, node: "Node", context: Context) -> None:
        items = [child for child in node.named_children if child.type != "comment"]
        for index, child in enumerate(items):
            self.visit(child, context._replace(element=f"{context.element}[{index}]"))

    def _table(self, node: "Node", context: Context) -> None:
        header, *rest = node.named_children
        scope = self.text(header).replace('"', "")
        if node.type == "table_array_element":
            index = self._tables.get(scope, 0)
            self._tables[scope] = index + 1
            scope = f"{scope}[{index}]"
        for child in rest:
            self.visit(child, context._replace(scope=scope))


def _path(context: Context) -> str:
    return ".".join(filter(None, (context.scope, context.name + context.element)))
