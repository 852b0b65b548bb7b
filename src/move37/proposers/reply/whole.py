"""Whether a file that an answer gives as a whole is one. A part of a file taken for all of it loses code."""

import ast
import builtins
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence

from move37.proposers.reply.elisions import new_elision
from move37.proposers.reply.parts import Lines, Problem, Whole

_KEEPS = 0.5
"""A fence that merely has the name of a file above it must keep this share of the lines, or it is a part."""
_KEEPS_MARKED = 0.3
"""One that is called a whole file is doubted if it keeps less, and is much shorter."""
_SMALL = 12
"""A file of so few lines may be replaced altogether."""


def kept(old: Sequence[str], new: Sequence[str]) -> float:
    """Share of the old lines that the new ones still have, wherever they are."""
    had = Counter(line.strip() for line in old if line.strip())
    has = Counter(line.strip() for line in new if line.strip())
    return (had & has).total() / max(1, had.total())


def refuse_part(whole: Whole, path: str, old: Sequence[str]) -> None:
    """Raise `Problem` where the content is, or may be, less than the whole file."""
    elided = new_elision((), whole.lines, old)
    if elided is not None:
        raise Problem(
            f"{whole.name}: the line {elided[:80]!r} stands for lines that you left out, and they would be "
            f"lost from {path}; write the whole file, or SEARCH/REPLACE blocks for what changes"
        )
    share, had, has = kept(old, whole.lines), _count(old), _count(whole.lines)
    if not whole.is_marked and had > 2 and share < _KEEPS:
        raise Problem(
            f"{whole.name}: it keeps {share:.0%} of the lines of {path}, so it may be only a part of it; use "
            f"SEARCH/REPLACE blocks, or write 'WHOLE FILE: {path}' above the fence if it is all of it"
        )
    is_doubtful = had > _SMALL and share < _KEEPS_MARKED and has < had / 2
    if is_doubtful and not whole.is_shorter:
        raise Problem(
            f"{whole.name}: {path} has {had} lines and this has {has} and keeps {share:.0%} of the old ones, so "
            "it may be only a part of it; use SEARCH/REPLACE blocks, or write "
            f"'WHOLE FILE: {path} (shorter on purpose)' above the fence"
        )
    lost = _lost(path, old, whole.lines)
    if lost:
        raise Problem(
            f"{whole.name}: it uses {', '.join(lost[:5])} but no longer defines it, as {path} did: a part of "
            "the file seems to be missing; write the whole file, or SEARCH/REPLACE blocks"
        )


def is_quotation(lines: Lines, old: Sequence[str]) -> bool:
    """Whether the file already has these lines, one after the other."""
    said = [line.strip() for line in lines if line.strip()]
    there = [line.strip() for line in old if line.strip()]
    return "\n" + "\n".join(said) + "\n" in "\n" + "\n".join(there) + "\n"


def _count(lines: Sequence[str]) -> int:
    return sum(bool(line.strip()) for line in lines)


def _lost(path: str, old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Names of a Python file that it defined, and now uses without defining them."""
    if not path.endswith(".py"):
        return []
    before, after = _parse(old), _parse(new)
    if before is None or after is None:
        return []
    bound = set(_bound(after))
    if "*" in bound:
        return []
    used = {node.id for node in ast.walk(after) if isinstance(node, ast.Name)}
    gone = (used & set(_bound_outside(before.body))) - bound - set(vars(builtins))
    return sorted(gone)


def _parse(lines: Sequence[str]) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse("\n".join(lines))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _bound_outside(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Names that a module has, not those within its functions."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If() | ast.Try():
                yield from _bound_outside(node.body)
            case _:
                pass


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.arg():
                yield node.arg
            case ast.alias():
                yield node.asname or node.name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                pass
