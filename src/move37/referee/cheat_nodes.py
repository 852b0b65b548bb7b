"""Small questions about the nodes of a Python syntax tree."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING

from move37.referee.cheat_words import MUTATORS, word_set

if TYPE_CHECKING:
    from tree_sitter import Node

_VALUES = word_set(
    "argument_list assignment list tuple set dictionary pair keyword_argument "
    "return_statement for_statement default_parameter"
)


def walk(root: "Node") -> Iterator["Node"]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def text_of(node: "Node | None") -> str:
    return "" if node is None or node.text is None else node.text.decode()


def plain(node: "Node") -> str:
    """The content of a string literal, without quotes and prefix; of other nodes, their text."""
    if node.type == "keyword_argument":
        value = node.child_by_field_name("value")
        return "" if value is None else plain(value)
    if node.type == "concatenated_string":
        return "".join(plain(child) for child in node.named_children)
    if node.type != "string":
        return text_of(node)
    return "".join(text_of(child) for child in node.children[1:-1])


def short(node: "Node") -> str:
    text = " ".join(text_of(node).split())
    return text if len(text) <= 60 else text[:57] + "..."


def digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def dotted_name(node: "Node | None") -> str | None:
    parts: list[str] = []
    while node is not None and node.type == "attribute":
        parts.append(text_of(node.child_by_field_name("attribute")))
        node = node.child_by_field_name("object")
    if node is None or node.type != "identifier":
        return None
    return ".".join((text_of(node), *reversed(parts)))


def is_part_of_name(node: "Node", parent: "Node") -> bool:
    """Whether it is not a use of its own: a part of a longer name, an import, a name being made."""
    if parent.type == "attribute":
        return True
    if parent.type in ("dotted_name", "aliased_import", "keyword_argument"):
        return parent.child_by_field_name("value") != node
    if parent.type in (
        "function_definition",
        "class_definition",
        "parameters",
        "lambda_parameters",
    ):
        return True
    return (
        parent.type in ("assignment", "default_parameter")
        and node.type == "identifier"
        and (node in (parent.child_by_field_name("left"), parent.child_by_field_name("name")))
    )


def is_called(node: "Node") -> bool:
    parent = node.parent
    return (
        parent is not None
        and parent.type == "call"
        and parent.child_by_field_name("function") == node
    )


def is_changed(call: "Node") -> bool:
    """`globals()["x"] = 1`, `vars(m).update(...)`, `vars(m)["x"]` on the left."""
    parent = call.parent
    if parent is None:
        return False
    if parent.type == "attribute":
        return text_of(parent.child_by_field_name("attribute")) in MUTATORS
    above = parent.parent
    return (
        parent.type == "subscript"
        and above is not None
        and above.type in ("assignment", "augmented_assignment", "delete_statement")
        and above.child_by_field_name("right") != parent
    )


def is_value(parent: "Node") -> bool:
    """Whether a name that stands there is used for itself, and not for what it holds."""
    return parent.type in _VALUES
