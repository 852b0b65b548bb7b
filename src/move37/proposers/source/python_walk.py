"""What can be turned in Python source."""

import re
from functools import partial
from typing import TYPE_CHECKING

from move37.proposers.source.families import COMPARISONS, swaps_of
from move37.proposers.source.python_speed import HELPER, spot_of
from move37.proposers.source.python_words import (
    FEW,
    OPTIONS,
    PRINTING,
    RANGES,
    READS,
    SEEDING,
    SHAPING,
    TRANSPARENT,
)
from move37.proposers.source.walk import SMALL, Context, Memo, Walk, names

if TYPE_CHECKING:
    from tree_sitter import Node

_SEEDS = re.compile(
    r"seed|MOVE37|random_state|default_rng|RandomState|PRNGKey|\brng\b|random", re.I
)
_SAYS = re.compile(
    r"\b(?:print|write|writelines|dump|dumps|save|savez|log|logger|logging|exit|open|main|add_argument"
    r"|parse_args|load_state_dict|eval|train|basicConfig|filterwarnings|close|flush)\b|metric"
)
_DRAWS = re.compile(r"(?:\w+\.)*(?:\w*rng\w*|random|generator|gen)\.(?!shuffle)\w+\(")
_LOGGER = re.compile(r"(?:logger|logging|log|console|wandb|warnings)\.")
_LEAVES = frozenset(
    ("return_statement", "raise_statement", "continue_statement", "break_statement")
)
_SKIPPED = names(
    "comment import_statement import_from_statement future_import_statement type identifier "
    "raise_statement assert_statement global_statement nonlocal_statement interpolation "
    "type_alias_statement concatenated_string"
)


class PythonWalk(Walk):
    language = "python"

    def __init__(self, source: bytes, memo: Memo, *, speed: bool = False) -> None:
        """speed: whether to find where results can be remembered."""
        super().__init__(source, memo)
        self._speed = speed

    def enter(self, node: "Node", context: Context) -> None:
        kind = node.type
        if kind in _SKIPPED:
            if kind.startswith("import"):
                self._import(node)
            return
        method = _METHODS.get(kind)
        if method is None:
            self.children(node, context._replace(named=False))
        else:
            method(self, node, context)

    # --- literals ---

    def number(self, node: "Node", context: Context) -> None:
        self.found("number", node.start_byte, node.end_byte, context)

    def signed(self, node: "Node", context: Context) -> None:
        argument = node.child_by_field_name("argument")
        negated = self.text(node).startswith("-")
        if negated and argument is not None and argument.type in ("integer", "float"):
            self.found("number", node.start_byte, node.end_byte, context)
        else:
            self.children(node, context._replace(named=False))

    def boolean(self, node: "Node", context: Context) -> None:
        self.found("bool", node.start_byte, node.end_byte, context)

    def string(self, node: "Node", context: Context) -> None:
        content = node.named_children
        plain = len(content) == 3 and content[1].type == "string_content"
        if plain and content[0].end_byte - content[0].start_byte == 1:
            self.found("choice", content[1].start_byte, content[1].end_byte, context)

    def elements(self, node: "Node", context: Context) -> None:
        for index, child in enumerate(node.named_children):
            self.visit(child, context._replace(element=f"{context.element}[{index}]"))

    def table(self, node: "Node", context: Context) -> None:
        for child in node.named_children:
            key = child.child_by_field_name("key")
            if context.named and key is not None and (option := self._string(key)):
                self.note("key", context.name, option)
            self.visit(child, context)

    def pair(self, node: "Node", context: Context) -> None:
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if key is None or value is None:
            return
        name = self._string(key)
        if name:
            scope = _join(context.scope, context.name)
            self.visit(value, context._replace(scope=scope, name=name, element="", named=True))
        else:
            self.visit(value, context._replace(element=f"{context.element}[{self.text(key)[:20]}]"))

    # --- names ---

    def assignment(self, node: "Node", context: Context) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        kind = node.child_by_field_name("type")
        if kind is not None and "Literal" in (literal := self.text(kind)):
            for option in re.findall(r"""["']([^"']+)["']""", literal):
                self.note("sibling", self._name(left), option)
        targets = left.named_children if left.type in ("pattern_list", "tuple_pattern") else [left]
        values = right.named_children if right.type in ("expression_list", "tuple") else [right]
        if len(targets) != len(values) or len(targets) == 1:
            targets, values = targets[:1], [right]
        for target, value in zip(targets, values, strict=True):
            self._bind(target, value, context)
        if left.type == "subscript" or left.type == "attribute":
            self.visit(left, context._replace(name="", named=False))

    def _bind(self, target: "Node", value: "Node", context: Context) -> None:
        name = self._name(target)
        text = self.text(value)
        if len(text) <= 80 and not re.search(r"(?<!\bint)(?<!\bhash)(?<!\babs)(?<!\bstr)\(", text):
            for other in re.findall(r"[A-Za-z_]\w*", text):
                self.note("flow", name, other)
        inside = context._replace(name=name, element="", named=True)
        if "MOVE37" in text:
            inside = inside._replace(dead="seed")
        self.visit(value, inside)

    def augmented(self, node: "Node", context: Context) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None:
            self._operand(right, context._replace(name=self._name(left), element=""))

    def parameter(self, node: "Node", context: Context) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None:
            self._bind(name, value, context)

    def keyword(self, node: "Node", context: Context) -> None:
        self.parameter(node, context._replace(element=""))

    def definition(self, node: "Node", context: Context) -> None:
        name = node.child_by_field_name("name")
        label = "" if name is None else self.text(name)
        if label == HELPER:
            return  # ours: see `python_speed`
        parameters = node.child_by_field_name("parameters")
        if parameters is not None:
            named = [self._name(child) for child in parameters.named_children]
            for index, parameter in enumerate(p for p in named if p not in ("self", "cls")):
                self.note("parameter", f"{label}({index})", parameter)
        inside = Context(scope=_join(context.scope, label), weight=context.weight)
        self.children(node, inside)

    def _cache(self, node: "Node", context: Context) -> None:
        """Where it stands decides, so that it is looked for from above: a subtree is recalled anywhere."""
        spot = spot_of(node, self.source)
        if spot is not None:
            scope = _join(context.scope, spot.name)
            here = context._replace(scope=scope, name="cache", element="", named=False)
            self.found("cache", spot.start, spot.end, here, spot.options)

    # --- statements ---

    def block(self, node: "Node", context: Context) -> None:
        children = [child for child in node.named_children if child.type != "comment"]
        alone = len(children) == 1
        for child in children:
            if self._speed and child.type in ("function_definition", "decorated_definition"):
                self._cache(child, context)
            if child.type not in ("expression_statement", "if_statement") or context.dead:
                self.visit(child, context)
            elif child.end_byte - child.start_byte > SMALL:
                self._droppable(child, context, alone=alone)
            else:
                role = f"{child.type}, {'alone' if alone else 'droppable'}"
                self.recall(child, context, role, partial(self._droppable, alone=alone))

    def _droppable(self, node: "Node", context: Context, *, alone: bool) -> None:
        self._deletable(node, context, alone=alone)
        self.visit(node, context)

    def _deletable(self, node: "Node", context: Context, *, alone: bool) -> None:
        text = self.text(node)
        if _SEEDS.search(text) or _SAYS.search(text) or len(text) > 300:
            return
        label = self._head(node, text)
        if not label:
            return
        options = ("pass",) if alone else ("",)
        label_here = context._replace(name=label, element="")
        self.found("delete", node.start_byte, node.end_byte, label_here, options)

    def _head(self, node: "Node", text: str) -> str:
        """What a statement that the program may do without is about; empty when it needs it."""
        if node.type == "if_statement":
            condition = node.child_by_field_name("condition")
            body = node.child_by_field_name("consequence")
            if condition is None or body is None or node.child_by_field_name("alternative"):
                return ""
            leaves = any(child.type in _LEAVES for child in body.named_children)
            return "" if leaves or "__name__" in text else f"if {self._name(condition)}"
        inner = node.named_children[0] if node.named_children else node
        left = inner.child_by_field_name("left")
        right = inner.child_by_field_name("right")
        if inner.type == "augmented_assignment" and left is not None:
            step = right is not None and self.text(right) == "1"
            return "" if step else f"update {self._name(left)}"
        if inner.type == "assignment" and left is not None and right is not None:
            target = self.text(left)
            again = re.search(rf"(?<![\w.]){re.escape(target)}(?!\w)", self.text(right))
            return f"update {self._name(left)}" if again else ""
        if inner.type == "call":
            callee = self._name(inner)
            needed = callee in PRINTING or callee in SEEDING or "super()" in text
            return "" if needed or _LOGGER.match(text) else f"call {callee}"
        return ""

    def statement(self, node: "Node", context: Context) -> None:
        inner = node.named_children
        if len(inner) == 1 and inner[0].type == "string":
            return  # a docstring
        fresh = context._replace(name="", element="", named=False)
        if len(inner) == 1 and inner[0].type == "call" and self._draws(node):
            fresh = fresh._replace(dead="seed")  # draws whose values nobody reads move the stream
        self.children(node, fresh)

    def _draws(self, node: "Node") -> bool:
        return _DRAWS.match(self.text(node)) is not None

    def returned(self, node: "Node", context: Context) -> None:
        name = context.scope.rpartition(".")[2]
        self.children(node, context._replace(name=name, element="()", named=False))

    def loop(self, node: "Node", context: Context) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        body = node.child_by_field_name("body")
        if left is not None and right is not None:
            inside = context._replace(name=self._name(left), element="for", named=True)
            if body is not None and all(self._draws(child) for child in body.named_children):
                inside = inside._replace(dead="seed")
            self.visit(right, inside)
        if body is not None:
            self.visit(body, context)

    def endless(self, node: "Node", context: Context) -> None:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is not None and condition.type != "true":
            self.visit(condition, context)
        if body is not None:
            self.visit(body, context)

    # --- expressions ---

    def call(self, node: "Node", context: Context) -> None:
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return
        callee = self._name(function)
        if function.type != "identifier":
            self.visit(function, context._replace(named=False))
        self._swap(function, callee, context)
        inside = context
        if callee in SEEDING:
            self._note_seeds(arguments)
            inside = context._replace(dead="seed")
        elif callee in PRINTING or _LOGGER.match(self.text(function)):
            inside = context._replace(dead="what is printed")
        if arguments.type != "argument_list":
            self.visit(arguments, inside)
        elif callee in OPTIONS:
            self._option(arguments, inside)
        else:
            self._arguments(callee, arguments, inside)

    def _arguments(self, callee: str, arguments: "Node", context: Context) -> None:
        children = [child for child in arguments.named_children if child.type != "comment"]
        first = self._string(children[0]) if children and callee in READS | {"getattr"} else ""
        position = 0
        for child in children:
            if child.type == "keyword_argument":
                transparent = callee in TRANSPARENT and self._keyword_is_default(child)
                value = child.child_by_field_name("value")
                if transparent and value is not None:
                    self.visit(value, context)
                else:
                    self.visit(child, context)
                continue
            inside = context
            if callee in TRANSPARENT:
                inside = context._replace(element=f"{context.element}({position})")
            elif callee in RANGES:
                inside = self._ranged(child, context, alone=len(children) == 1)
            elif first and position == 0:
                inside = context._replace(element="(0)", dead=context.dead or "a key")
            elif first:
                inside = context._replace(name=first, element="", named=position == 1)
                if "seed" in first.lower() or "MOVE37" in first:
                    inside = inside._replace(dead="seed")
            elif callee in SHAPING:
                dead = context.dead or "an axis, a shape or a date"
                inside = context._replace(name=callee, element=f"({position})", dead=dead)
            else:
                inside = context._replace(name=callee, element=f"({position})", named=False)
            self.visit(child, inside)
            position += 1

    def _keyword_is_default(self, node: "Node") -> bool:
        name = node.child_by_field_name("name")
        return name is not None and self.text(name) in ("default", "default_factory")

    def _ranged(self, node: "Node", context: Context, *, alone: bool) -> Context:
        text = self.text(node)
        if not alone or (text.isdigit() and int(text) <= FEW):
            return context._replace(dead=context.dead or "the shape of a loop", element="range")
        return context._replace(name=f"{context.name}_steps", element="range", named=False)

    def _option(self, arguments: "Node", context: Context) -> None:
        """`add_argument("--lr", default=…, choices=…)`: the option's name names the default."""
        flags = [self._string(child) for child in arguments.named_children]
        name = max((flag.strip("-") for flag in flags if flag), key=len, default="")
        for child in arguments.named_children:
            key, value = child.child_by_field_name("name"), child.child_by_field_name("value")
            if child.type != "keyword_argument" or key is None or value is None:
                continue
            if self.text(key) == "default":
                self.visit(value, context._replace(name=name, element="", named=True))
            elif self.text(key) == "choices":
                for option in re.findall(r"""["']([^"']+)["']""", self.text(value)):
                    self.note("sibling", name.replace("-", "_"), option)

    def _swap(self, function: "Node", callee: str, context: Context) -> None:
        others = swaps_of(callee)
        if others and not context.dead:
            end = function.end_byte
            name = context._replace(name=f"{context.name or 'call'}~{others[0]}", element="")
            self.found("swap", end - len(callee.encode()), end, name, others)

    def attribute(self, node: "Node", context: Context) -> None:
        inner = node.child_by_field_name("object")
        if inner is not None and inner.type != "identifier":
            self.visit(inner, context._replace(named=False))

    def subscript(self, node: "Node", context: Context) -> None:
        value, by = node.child_by_field_name("value"), node.child_by_field_name("subscript")
        if value is not None and by is not None and by.type in ("identifier", "attribute"):
            self.note("lookup", self._name(value), self._name(by))
        for child in node.named_children:
            inside = context._replace(named=False)
            if value is None or child.id != value.id:
                inside = inside._replace(element="[]", dead=context.dead or "an index")
            self.visit(child, inside)

    def binary(self, node: "Node", context: Context) -> None:
        operator = node.child_by_field_name("operator")
        sign = "" if operator is None else self.text(operator)
        for child in node.named_children:
            inside = context
            if sign == "**" and child.type in ("integer", "float"):
                inside = context._replace(dead=context.dead or "an exponent")
            elif sign in ("%", "<<", ">>", "&", "|", "^") and child.type == "integer":
                inside = context._replace(weight=context.weight * 0.2)
            self._operand(child, inside)

    def _operand(self, node: "Node", context: Context) -> None:
        self.visit(node, context._replace(named=False, weight=context.weight * 0.8))

    def transparent(self, node: "Node", context: Context) -> None:
        body = node.child_by_field_name("body")
        if body is not None:
            self.visit(body, context)

    def comparison(self, node: "Node", context: Context) -> None:
        children = node.named_children
        name = next((n for child in children if (n := self._name(child))), "")
        for child in children:
            if child.type == "string":
                self.note("sibling", name, self._string(child))
            elif child.type in ("list", "tuple", "set"):
                for option in child.named_children:
                    if option.type == "string":
                        self.note("sibling", name, self._string(option))
            else:
                inside = context._replace(name=name, element="?", named=False)
                self.visit(child, inside._replace(weight=context.weight * 0.4))
        for child in node.children:
            sign = self.text(child) if not child.is_named else ""
            if sign in COMPARISONS and not context.dead:
                label = context._replace(name=f"{name}~compare", element="")
                both = tuple(sorted((sign, COMPARISONS[sign])))
                self.found("swap", child.start_byte, child.end_byte, label, both)

    def conditional(self, node: "Node", context: Context) -> None:
        for index, child in enumerate(node.named_children):
            self.visit(child, context._replace(element=f"{context.element}?{index}"))

    def decorator(self, node: "Node", context: Context) -> None:
        option = re.match(r"@(?:\w+\.)*(?:option|argument)\b", self.text(node))
        dead = "" if option else "part of a decorator"
        self.children(node, context._replace(dead=context.dead or dead))

    def dead(self, node: "Node", context: Context) -> None:
        self.children(node, context._replace(dead=context.dead or "a pattern"))

    # --- looking at names ---

    def _name(self, node: "Node") -> str:
        """The last word of a target, callee or operand: `self.cfg["lr"]` is `lr`."""
        match node.type:
            case "identifier":
                return self.text(node)
            case "attribute":
                last = node.child_by_field_name("attribute")
                return "" if last is None else self.text(last)
            case "subscript":
                last = node.child_by_field_name("subscript")
                key = "" if last is None else self._string(last)
                value = node.child_by_field_name("value")
                return key or ("" if value is None else self._name(value))
            case "call":
                function = node.child_by_field_name("function")
                return "" if function is None else self._name(function)
            case "typed_parameter":
                return self._name(node.named_children[0])
            case "default_parameter" | "typed_default_parameter":
                name = node.child_by_field_name("name")
                return "" if name is None else self.text(name)
            case "binary_operator" | "comparison_operator" | "not_operator" | "boolean_operator":
                return next((n for c in node.named_children if (n := self._name(c))), "")
            case "parenthesized_expression" | "unary_operator":
                return next((n for c in node.named_children if (n := self._name(c))), "")
            case _:
                return ""

    def _string(self, node: "Node") -> str:
        children = node.named_children
        if node.type != "string" or len(children) != 3:
            return ""
        return self.text(children[1])

    def _note_seeds(self, node: "Node") -> None:
        for child in node.named_children:
            if child.type in ("identifier", "attribute"):
                self.note("seed", self._name(child))
            elif child.type == "keyword_argument":
                value = child.child_by_field_name("value")
                if value is not None and value.type in ("identifier", "attribute"):
                    self.note("seed", self._name(value))
                elif value is not None:
                    self._note_seeds(value)
            elif child.type == "call":
                arguments = child.child_by_field_name("arguments")
                if arguments is not None:
                    self._note_seeds(arguments)
            elif child.type == "subscript":
                self.note("seed", self._name(child))
            else:
                self._note_seeds(child)

    def _import(self, node: "Node") -> None:
        for name, alias in re.findall(r"(\w+)\s+as\s+(\w+)", self.text(node)):
            if name in SEEDING:
                self.note("seed", alias)


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope and name else scope or name


_METHODS = {
    "integer": PythonWalk.number,
    "float": PythonWalk.number,
    "unary_operator": PythonWalk.signed,
    "true": PythonWalk.boolean,
    "false": PythonWalk.boolean,
    "string": PythonWalk.string,
    "list": PythonWalk.elements,
    "tuple": PythonWalk.elements,
    "set": PythonWalk.elements,
    "expression_list": PythonWalk.elements,
    "dictionary": PythonWalk.table,
    "pair": PythonWalk.pair,
    "assignment": PythonWalk.assignment,
    "augmented_assignment": PythonWalk.augmented,
    "default_parameter": PythonWalk.parameter,
    "typed_default_parameter": PythonWalk.parameter,
    "keyword_argument": PythonWalk.keyword,
    "function_definition": PythonWalk.definition,
    "class_definition": PythonWalk.definition,
    "module": PythonWalk.block,
    "block": PythonWalk.block,
    "expression_statement": PythonWalk.statement,
    "return_statement": PythonWalk.returned,
    "for_statement": PythonWalk.loop,
    "while_statement": PythonWalk.endless,
    "call": PythonWalk.call,
    "attribute": PythonWalk.attribute,
    "subscript": PythonWalk.subscript,
    "binary_operator": PythonWalk.binary,
    "comparison_operator": PythonWalk.comparison,
    "conditional_expression": PythonWalk.conditional,
    "lambda": PythonWalk.transparent,
    "decorator": PythonWalk.decorator,
    "case_pattern": PythonWalk.dead,
    "dotted_name": PythonWalk.dead,
}
