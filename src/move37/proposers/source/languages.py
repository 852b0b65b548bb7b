"""Which grammar reads which file. Grammars are loaded when first needed, and kept by their owner.

A grammar that is not installed is no error: its files simply have nothing to turn, and `parse` says
why in a sentence.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

Family = Literal["python", "code", "yaml", "toml", "json"]
"""Languages of one family are read by the same rules."""


@dataclass(frozen=True, slots=True)
class Language:
    """One programming or data language."""

    name: str
    family: Family
    modules: tuple[str, ...]
    """Grammar packages that can read it, best first."""
    tolerant: bool = False
    """Use what parses of a file that does not parse as a whole (macros confuse C grammars)."""


_PYTHON = Language("python", "python", ("tree_sitter_python",))
_C = Language("c", "code", ("tree_sitter_c",), tolerant=True)
_CPP = Language("cpp", "code", ("tree_sitter_cpp", "tree_sitter_c"), tolerant=True)
_JAVASCRIPT = Language("javascript", "code", ("tree_sitter_javascript",))
_LANGUAGES = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), _PYTHON),
    **dict.fromkeys((".c", ".h"), _C),
    **dict.fromkeys((".cpp", ".cc", ".cxx", ".hpp", ".hh", ".cu", ".cuh"), _CPP),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts"), _JAVASCRIPT),
    ".rs": Language("rust", "code", ("tree_sitter_rust",)),
    ".go": Language("go", "code", ("tree_sitter_go",)),
    ".java": Language("java", "code", ("tree_sitter_java",)),
    ".toml": Language("toml", "toml", ("tree_sitter_toml",)),
    **dict.fromkeys((".yaml", ".yml"), Language("yaml", "yaml", ("tree_sitter_yaml",))),
    ".json": Language("json", "json", ("tree_sitter_json",)),
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file with its syntax tree."""

    language: Language
    source: bytes
    root: "Node"


def language_of(path: str) -> Language | None:
    """The language of a file, by its name. `None` when no grammar reads it."""
    return _LANGUAGES.get(PurePosixPath(path).suffix.lower())


def is_text(source: bytes) -> bool:
    """Whether it is text in UTF-8."""
    return b"\0" not in source and _is_utf8(source)


def _is_utf8(source: bytes) -> bool:
    try:
        source.decode()
    except UnicodeDecodeError:
        return False
    return True


class Grammars:
    """Parsers, loaded once each."""

    def __init__(self) -> None:
        self._parsers: dict[str, Parser | None] = {}

    def parse(self, path: str, source: bytes) -> Parsed | str:
        """The syntax tree, or one sentence that says why there is none."""
        language = language_of(path)
        if language is None:
            suffix = PurePosixPath(path).suffix
            return (
                f"{path}: no grammar reads {suffix!r} files"
                if suffix
                else (f"{path}: a file without a suffix does not say its language")
            )
        if not is_text(source):
            return f"{path}: {'a binary file' if _is_utf8(source) else 'not text in UTF-8'}"
        parser = self._parser(language)
        if parser is None:
            return f"{path}: the grammar for {language.name} is not installed"
        root = parser.parse(source).root_node
        if root.has_error and not language.tolerant:
            return f"{path}: does not parse as {language.name}"
        return Parsed(language, source, root)

    def reads(self, path: str) -> bool:
        """Whether a grammar for this file is there, be the file right or wrong."""
        language = language_of(path)
        return language is not None and self._parser(language) is not None

    def _parser(self, language: Language) -> "Parser | None":
        if language.name not in self._parsers:
            self._parsers[language.name] = next(map(_load, _installed(language)), None)
        return self._parsers[language.name]


def _installed(language: Language) -> Iterator[str]:
    from importlib.util import find_spec

    return (module for module in language.modules if find_spec(module) is not None)


def _load(module: str) -> "Parser":
    from tree_sitter import Language as Grammar
    from tree_sitter import Parser

    capsule: object = importlib.import_module(module).language()
    return Parser(Grammar(capsule))
