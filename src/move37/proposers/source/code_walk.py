"""What can be turned in languages with braces: C, C++, CUDA, JavaScript, Rust, Go, Java."""

import re
from typing import TYPE_CHECKING

from move37.proposers.source.walk import Context, Walk, names

if TYPE_CHECKING:
    from tree_sitter import Node

NUMBERS = names(
    "number_literal number integer_literal float_literal int_literal decimal_integer_literal "
    "decimal_floating_point_literal"
)
BOOLEANS = names("true false boolean_literal")
BINDINGS = {
    "init_declarator": ("declarator", "value"),
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "assignment_statement": ("left", "right"),
    "short_var_declaration": ("left", "right"),
    "let_declaration": ("pattern", "value"),
    "const_item": ("name", "value"),
    "static_item": ("name", "value"),
    "const_spec": ("name", "value"),
    "var_spec": ("name", "value"),
    "pair": ("key", "value"),
    "field_initializer": ("field", "value"),
    "field_definition": ("property", "value"),
    "keyed_element": ("key", "value"),
    "initializer_pair": ("designator", "value"),
    "field_declaration": ("declarator", "default_value"),
    "optional_parameter_declaration": ("declarator", "default_value"),
    "assignment_pattern": ("left", "right"),
}
"""Nodes that put a value behind a name, with the fields of both."""
SCOPES = names(
    "function_definition function_declaration function_item method_declaration method_definition "
    "class_declaration class_specifier struct_specifier impl_item mod_item"
)
CALLS = names("call_expression method_invocation new_expression object_creation_expression")
INDEXED = names("subscript_expression index_expression array_access array_declarator")
SKIPPED = names(
    "comment line_comment block_comment preproc_include preproc_if preproc_elif import_statement "
    "import_declaration package_clause enumerator_list case_statement_value type_identifier "
    "primitive_type array_type attribute_item bitfield_clause throw_statement ERROR "
    "string_literal raw_string_literal template_string char_literal interpreted_string_literal "
    "static_assert_declaration gnu_asm_expression throw_expression package_declaration"
)
PRINTING = names(
    "printf fprintf sprintf snprintf puts perror exit _exit abort assert log warn error info debug "
    "println print Println Printf Print Fprintf panic Fatal Fatalf Exit usleep sleep Sleep "
    "setTimeout format_args"
)
SEEDING = names(
    "srand srandom srand48 seed seed_from_u64 from_seed mt19937 mt19937_64 default_random_engine "
    "minstd_rand setSeed Random Seed NewSource curand_init curandSetPseudoRandomGeneratorSeed "
    "seedrandom NewPCG setstate initstate discard"
)
_DEFINED = re.compile(
    rb"[ \t]*\(?[ \t]*(?P<number>[+-]?[\d.][\w.]*(?:[eE][+-]\w+)?)[ \t]*\)?[ \t]*"
    rb"(?:/[/*].*)?",
    re.DOTALL,
)


class CodeWalk(Walk):
    language = "code"

    def enter(self, node: "Node", context: Context) -> None:
        kind = node.type
        if kind in SKIPPED:
            return
        if kind in NUMBERS:
            self.found("number", node.start_byte, node.end_byte, context)
        elif kind in BOOLEANS:
            self.found("bool", node.start_byte, node.end_byte, context)
        elif kind == "string":
            self._string(node, context)
        elif kind in BINDINGS:
            self._binding(node, context, *BINDINGS[kind])
        elif kind in SCOPES:
            self._scope(node, context)
        elif kind in CALLS:
            self._call(node, context)
        elif kind in ("macro_invocation", "token_tree"):
            self.children(node, context._replace(dead=context.dead or "inside a macro call"))
        elif kind in INDEXED:
            self._indexed(node, context)
        elif kind == "declaration":
            type = node.child_by_field_name("type")
            seeds = type is not None and self._name(type) in SEEDING
            dead = "seed" if seeds else context.dead
            self.children(node, context._replace(named=False, dead=dead))
        elif kind == "preproc_def":
            self._define(node, context)
        elif kind in ("unary_expression", "unary_operator"):
            self._unary(node, context)
        elif kind == "binary_expression":
            self._binary(node, context)
        elif kind == "return_statement":
            main = context.scope.rpartition(".")[2] == "main"
            dead = "an exit status" if main else ""
            name = context.scope.rpartition(".")[2]
            inside = context._replace(name=name, element="()", named=False)
            self.children(node, inside._replace(dead=context.dead or dead))
        elif kind in ("case_statement", "switch_case", "expression_case"):
            self._case(node, context)
        elif kind in (
            "initializer_list",
            "array",
            "array_expression",
            "array_initializer",
            "literal_value",
        ):
            for index, child in enumerate(node.named_children):
                self.visit(child, context._replace(element=f"{context.element}[{index}]"))
        elif kind in ("expression_list", "literal_element", "parenthesized_expression"):
            self.children(node, context)
        elif kind == "while_statement":
            self._while(node, context)
        elif kind == "for_statement":
            self._for(node, context)
        else:
            self.children(node, context._replace(named=False))

    def _string(self, node: "Node", context: Context) -> None:
        inner = node.named_children
        if len(inner) == 1 and inner[0].type == "string_fragment":
            self.found("choice", inner[0].start_byte, inner[0].end_byte, context)

    def _binding(self, node: "Node", context: Context, left: str, right: str) -> None:
        target, value = node.child_by_field_name(left), node.child_by_field_name(right)
        if target is None or value is None:
            return
        name = self._name(target)
        if target.type in INDEXED:
            self.visit(target, context)
        text = self.text(value)
        if len(text) <= 80:
            for other in re.findall(r"[A-Za-z_]\w*", text):
                self.note("flow", name, other)
        scope = context.scope
        if value.type in ("object", "composite_literal", "struct_expression"):
            scope = f"{scope}.{name}" if scope else name
        operator = node.child_by_field_name("operator")
        named = operator is None or self.text(operator) == "="
        inside = context._replace(scope=scope, name=name, element="", named=named)
        if "MOVE37" in text:
            inside = inside._replace(dead="seed")
        self.visit(value, inside)

    def _scope(self, node: "Node", context: Context) -> None:
        name = node.child_by_field_name("name") or node.child_by_field_name("declarator")
        label = "" if name is None else self._name(name)
        scope = f"{context.scope}.{label}" if context.scope and label else context.scope or label
        self.children(node, Context(scope=scope, weight=context.weight))

    def _call(self, node: "Node", context: Context) -> None:
        function = next(
            (
                f
                for field in ("function", "name", "constructor", "type")
                if (f := node.child_by_field_name(field)) is not None
            ),
            None,
        )
        arguments = node.child_by_field_name("arguments")
        callee = "" if function is None else self._name(function)
        if function is not None and function.type not in ("identifier", "type_identifier"):
            self.visit(function, context._replace(named=False))
        if arguments is None:
            return
        dead = context.dead
        if callee in SEEDING:
            dead = "seed"
            for name in re.findall(r"[A-Za-z_]\w*", self.text(arguments)):
                self.note("seed", name)
        elif callee in PRINTING:
            dead = dead or "what is printed"
        for index, child in enumerate(arguments.named_children):
            inside = context._replace(name=callee, element=f"({index})", named=False, dead=dead)
            self.visit(child, inside)

    def _indexed(self, node: "Node", context: Context) -> None:
        base = next(
            (
                b
                for field in ("argument", "object", "operand", "array", "declarator")
                if (b := node.child_by_field_name(field)) is not None
            ),
            None,
        )
        for child in node.named_children:
            inside = context._replace(named=False)
            if base is None or child.id != base.id:
                inside = inside._replace(element="[]", dead=context.dead or "an index or a size")
            self.visit(child, inside)

    def _define(self, node: "Node", context: Context) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        match = _DEFINED.fullmatch(self.source[value.start_byte : value.end_byte])
        if match is not None:
            start, end = match.span("number")
            inside = context._replace(name=self.text(name), element="", named=True)
            self.found("number", value.start_byte + start, value.start_byte + end, inside)

    def _unary(self, node: "Node", context: Context) -> None:
        inner = node.named_children
        if len(inner) == 1 and inner[0].type in NUMBERS and self.text(node).startswith("-"):
            self.found("number", node.start_byte, node.end_byte, context)
        else:
            self.children(node, context._replace(named=False))

    def _binary(self, node: "Node", context: Context) -> None:
        operator = node.child_by_field_name("operator")
        sign = "" if operator is None else self.text(operator)
        factor = 0.3 if sign in ("%", "<<", ">>", "&", "|", "^") else 0.8
        compares = sign in ("<", ">", "<=", ">=", "==", "!=", "===", "!==")
        children = node.named_children
        name = next((n for child in children if (n := self._name(child))), context.name)
        for child in children:
            if compares and child.type == "string":
                self.note("sibling", name, self.text(child).strip("'\""))
                continue
            inside = context._replace(named=False, weight=context.weight * factor)
            if compares:
                inside = inside._replace(name=name, element="?", weight=context.weight * 0.4)
            self.visit(child, inside)

    def _case(self, node: "Node", context: Context) -> None:
        value = node.child_by_field_name("value")
        for child in node.named_children:
            if value is None or child.id != value.id:
                self.visit(child, context)

    def _while(self, node: "Node", context: Context) -> None:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is not None and not re.fullmatch(
            r"\(?\s*(true|1)\s*\)?", self.text(condition)
        ):
            self.visit(condition, context)
        if body is not None:
            self.visit(body, context)

    def _for(self, node: "Node", context: Context) -> None:
        """Where a loop begins and how it counts is its shape; where it ends may be turned."""
        shape = [
            node.child_by_field_name(field) for field in ("initializer", "update", "increment")
        ]
        for child in node.named_children:
            fixed = any(part is not None and part.id == child.id for part in shape)
            dead = "the shape of a loop" if fixed else ""
            self.visit(child, context._replace(named=False, dead=context.dead or dead))

    def _name(self, node: "Node") -> str:
        """The last word of a target or callee: `cfg->lr` is `lr`."""
        if "binary" in node.type or node.type in NUMBERS or node.type == "call_expression":
            return ""
        text = self.text(node).split("(")[0].split("[")[0]
        found = re.findall(r"[A-Za-z_]\w*", text[:200])
        return found[-1] if found else ""
