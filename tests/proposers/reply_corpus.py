"""Edits as models write them, each with the result that is right, or none where only a refusal is.

Real files (of Python's standard library and of this repository) are edited by chance, and the edit is
written down with the slips that models make. The right result comes from the edit, never from the answer.
"""

import ast
import html
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import cache
from pathlib import Path
from random import Random

from reply_nasty import NASTY

import move37

SAID = "HYPOTHESIS: it is simpler this way.\nPREDICTED EFFECT: -0.01\n\n"
_PER_SLIP = 6
_STANDARD = Path(textwrap.__file__).parent
_SOURCES = [
    *(
        _STANDARD / f"{name}.py"
        for name in [
            "textwrap",
            "bisect",
            "heapq",
            "colorsys",
            "fractions",
            "graphlib",
            "sched",
            "shlex",
            "string",
            "queue",
            "csv",
            "fnmatch",
            "copy",
            "contextlib",
            "stat",
            "linecache",
        ]
    ),
    *(
        Path(move37.__file__).parent / name
        for name in ("loop.py", "core/seeds.py", "report/text.py")
    ),
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One answer."""

    slip: str
    files: Mapping[str, bytes]
    answer: str
    right: Mapping[str, bytes | None] | None
    """`None`: it cannot be known what is meant, so it must be refused."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change of some lines of a file."""

    path: str
    file: tuple[str, ...]
    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    end: str = "\n"
    newline: bool = True

    def text(self, lines: tuple[str, ...]) -> bytes:
        text = self.end.join(lines) + (self.end if self.newline else "")
        return text.encode()

    @property
    def files(self) -> dict[str, bytes]:
        return {self.path: self.text(self.file)}

    @property
    def after(self) -> tuple[str, ...]:
        return self.file[: self.start] + self.new + self.file[self.start + len(self.old) :]

    @property
    def right(self) -> dict[str, bytes | None]:
        return {self.path: self.text(self.after)}


Lines = tuple[str, ...]


def corpus(seed: int = 37) -> list[Case]:
    """All of it: always the same for the same sources."""
    return [*generated(seed), *written()]


def written() -> Iterator[Case]:
    for slip, files, answer, right in NASTY:
        yield Case(slip=slip, files=files, answer=SAID + answer, right=right)


def generated(seed: int) -> Iterator[Case]:
    for slip, write in _SLIPS.items():
        chance = Random(f"{seed}-{slip}")
        made = 0
        while made < _PER_SLIP:
            case = write(_edit(chance), chance)
            if case is not None:
                made += 1
                said = "" if SAID in case.answer else SAID
                yield replace(case, slip=slip, answer=said + case.answer)


# --- edits ---------------------------------------------------------------------------------------


def _edit(chance: Random) -> Edit:
    """A change to a place of a file that nobody could take for another one."""
    while True:
        path = chance.choice(_SOURCES)
        lines = tuple(path.read_text().split("\n")[:-1])
        size = chance.randint(3, 8)
        if len(lines) < 30:
            continue
        start = chance.randrange(len(lines) - size)
        old = lines[start : start + size]
        if not _is_alone(old, lines) or not old[0].strip() or not old[-1].strip():
            continue
        new = _changed(old, chance)
        if new is None or new == old:
            continue
        edit = Edit(path=f"src/{path.name}", file=lines, start=start, old=old, new=new)
        if _parses(edit.after):
            return edit


def _parses(lines: Lines) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse("\n".join(lines))
        except SyntaxError:
            return False
    return True


@cache
def _squeezed(lines: Lines) -> Lines:
    return tuple(found for line in lines if (found := re.sub(r"\s", "", line)))


def _is_alone(old: Lines, lines: Lines) -> bool:
    text, wanted = "\n".join(_squeezed(lines)), _squeezed(old)
    middle = "\n".join(wanted[1:-1])
    return len(middle) > 20 and text.count("\n".join(wanted)) == text.count(middle) == 1


def _changed(old: Lines, chance: Random) -> Lines | None:
    """Lines in the middle changed as a model would; the first and the last one stay."""
    at = chance.randrange(1, len(old) - 1)
    line = old[at]
    if not line.strip():
        return None
    indent = line[: len(line) - len(line.lstrip())]
    match chance.randrange(5):
        case 0:
            words = re.sub(r"\d+", lambda m: str(int(m[0]) + 1), line, count=1)
            return (*old[:at], words, *old[at + 1 :])
        case 1:
            return (*old[:at], f"{indent}limit = {chance.randrange(100)}", *old[at:])
        case 2:
            return old[:at] + old[at + 1 :]
        case 3:
            return (*old[:at], f"{indent}if fast:", f"{indent}    {line.lstrip()}", *old[at + 1 :])
        case _:
            return (*old[:at], line.replace(line.split()[0], "value", 1), *old[at + 1 :])


# --- how they are written ------------------------------------------------------------------------

Write = Callable[[Edit, Random], Case | None]


def _case(edit: Edit, answer: str, files: Mapping[str, bytes] | None = None) -> Case:
    return Case(slip="", files=files or edit.files, answer=answer, right=edit.right)


def _block(old: Lines, new: Lines, path: str = "") -> str:
    head = f"{path}\n" if path else ""
    return "\n".join([f"{head}<<<<<<< SEARCH", *old, "=======", *new, ">>>>>>> REPLACE", ""])


def _plain(edit: Edit) -> str:
    return _block(edit.old, edit.new, edit.path)


def _both(edit: Edit, change: Callable[[Lines], Lines]) -> Case | None:
    old, new = change(edit.old), change(edit.new)
    return _case(edit, _block(old, new, edit.path)) if old != edit.old else None


def _dedented(lines: Lines, by: int) -> Lines:
    return tuple(line[by:] if line.strip() else line for line in lines)


def _least(lines: Lines) -> int:
    return min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip())


def _flat(edit: Edit, chance: Random) -> Case | None:
    by = min(_least(edit.old), _least(edit.new))
    return _both(edit, lambda lines: _dedented(lines, by)) if by else None


def _deep(edit: Edit, chance: Random) -> Case | None:
    return _both(
        edit, lambda lines: tuple("    " + line if line.strip() else line for line in lines)
    )


def _tabbed(lines: Lines) -> Lines:
    return tuple(
        "\t" * ((len(line) - len(line.lstrip(" "))) // 4) + line.lstrip(" ") for line in lines
    )


def _is_even(lines: Lines) -> bool:
    return all((len(line) - len(line.lstrip(" "))) % 4 == 0 for line in lines if line.strip())


def _tabs_in_file(edit: Edit, chance: Random) -> Case | None:
    if not _is_even(edit.old) or not _is_even(edit.new) or not _least(edit.new):
        return None
    there = replace(edit, file=_tabbed(edit.file), old=_tabbed(edit.old), new=_tabbed(edit.new))
    return _case(there, _plain(edit))


def _blanks_at_line_ends(edit: Edit, chance: Random) -> Case | None:
    file = tuple(line + "  " if chance.random() < 0.5 else line for line in edit.file)
    size = len(edit.old)
    kept = dict(zip(edit.old, file[edit.start : edit.start + size], strict=True))
    new = tuple(kept.get(line, line) for line in edit.new)
    if len(set(edit.old)) < size:
        return None
    there = replace(edit, file=file, old=file[edit.start : edit.start + size], new=new)
    return _case(there, _plain(edit))


def _spaced(edit: Edit, chance: Random) -> Case | None:
    """Blanks within the lines that stay are written otherwise."""

    def squeezed(lines: Lines) -> Lines:
        return tuple(
            line if line not in edit.old or line not in edit.new else _reformatted(line)
            for line in lines
        )

    return _both(edit, squeezed)


def _reformatted(line: str) -> str:
    body = line.lstrip()
    return line[: len(line) - len(body)] + body.replace(", ", ",").replace(" = ", "=")


def _blank_lines_lost(edit: Edit, chance: Random) -> Case | None:
    if not any(not line.strip() for line in edit.old):
        return None
    case = _both(edit, lambda lines: tuple(line for line in lines if line.strip()))
    is_beside = any(
        not edit.old[i].strip()
        for i in range(len(edit.old))
        if edit.old[i] not in edit.new or i == 0
    )
    return None if is_beside or len(edit.new) != len(edit.old) else case


def _blank_lines_around(edit: Edit, chance: Random) -> Case | None:
    return _both(edit, lambda lines: ("", *lines, ""))


def _fenced(edit: Edit, chance: Random) -> Case:
    language = chance.choice(["", "python", "py", "text"])
    block = _block(edit.old, edit.new)
    match chance.randrange(4):
        case 0:
            answer = f"{edit.path}\n```{language}\n{block}```\n"
        case 1:
            answer = f"```{language}\n{edit.path}\n{block}```\n"
        case 2:
            answer = f"### `{edit.path}`\n\n```{language}\n{block}```\n\nThat is all.\n"
        case _:
            answer = f"```python {edit.path}\n{block}```\n"
    return _case(edit, answer)


def _halves_fenced(edit: Edit, chance: Random) -> Case:
    old, new = (("```python", *lines, "```") for lines in (edit.old, edit.new))
    return _case(edit, _block(old, new, edit.path))


def _path_otherwise(edit: Edit, chance: Random) -> Case:
    name = edit.path.removeprefix("src/")
    path = chance.choice(
        [
            f"a/{edit.path}", f"b/{edit.path}", f"./{edit.path}", f"/workspace/{edit.path}", name,
            f"lib/{name}", f"**{edit.path}**", f"File: `{edit.path}`", f"{edit.path}:", f"# {edit.path}",
            f"1. `{edit.path}`", f"In `{edit.path}`:", f"Changes to {name} follow.", f"src\\{name}",
        ]
    )  # fmt: skip
    others = {"src/other.py": b"x = 1\n", "README.md": b"# Text\n"}
    return _case(edit, _block(edit.old, edit.new, path), {**edit.files, **others})


def _no_path(edit: Edit, chance: Random) -> Case:
    return _case(edit, "Here it is.\n\n" + _block(edit.old, edit.new))


def _no_path_of_several(edit: Edit, chance: Random) -> Case:
    others = {"src/other.py": b"x = 1\n", "README.md": b"# Text\n"}
    return _case(edit, _block(edit.old, edit.new), {**edit.files, **others})


def _windows_file(edit: Edit, chance: Random) -> Case:
    there = replace(edit, end="\r\n", newline=chance.random() < 0.5)
    return _case(there, _plain(edit))


def _windows_answer(edit: Edit, chance: Random) -> Case:
    return _case(edit, _plain(edit).replace("\n", "\r\n"))


def _at_the_end(edit: Edit, chance: Random) -> Case:
    stop = edit.start + len(edit.old)
    there = replace(edit, file=edit.file[:stop], newline=False)
    return _case(there, _plain(edit))


def _numbered(edit: Edit, chance: Random) -> Case:
    mark = chance.choice([" | ", ": ", "\t"])

    def numbered(lines: Lines) -> Lines:
        return tuple(f"{edit.start + i + 1:>4}{mark}{line}" for i, line in enumerate(lines))

    return _case(edit, _block(numbered(edit.old), numbered(edit.new), edit.path))


def _entities(edit: Edit, chance: Random) -> Case | None:
    return _both(edit, lambda lines: tuple(html.escape(line, quote=False) for line in lines))


def _curly(edit: Edit, chance: Random) -> Case | None:
    if any("\u2019" in line for line in edit.file):
        return None
    return _both(edit, lambda lines: tuple(line.replace("'", "\u2019") for line in lines))


def _reasoned(edit: Edit, chance: Random) -> Case:
    wrong = _block(edit.old, ("raise NotImplementedError",), edit.path)
    sketch = "```python\n" + "\n".join(edit.old[:3]) + "\n```\n"
    answer = _plain(edit)
    match chance.randrange(4):
        case 0:
            return _case(edit, f"<think>\nFirst: {sketch}{wrong}But no.\n</think>\n{answer}")
        case 1:
            return _case(edit, f"Maybe like this?\n{wrong}No.\n</think>\n\n{SAID}{answer}")
        case 2:
            return _case(
                edit, f"The code in question:\n\n{sketch}\nRun it:\n```bash\nmake\n```\n{answer}"
            )
        case _:
            return _case(edit, f"{answer}\nAfterwards it reads\n\n{sketch}\nwhich is simpler.\n")


def _again(edit: Edit, chance: Random) -> Case:
    return _case(edit, f"{_plain(edit)}\nSo, in the end:\n\n{_plain(edit)}")


def _in_parts(edit: Edit, chance: Random) -> Case | None:
    """Two blocks, the second one written as if the first were applied."""
    after = edit.after
    start = edit.start
    old = after[start : start + len(edit.new)]
    if not _is_alone(old, after) or not _is_alone(edit.old, edit.file):
        return None
    new = (*old, "# checked")
    twice = replace(edit, new=new)
    second = _block(old, new, "" if chance.random() < 0.5 else edit.path)
    return _case(twice, _plain(edit) + "\n" + second)


def _drifted(edit: Edit, chance: Random) -> Case | None:
    """The line above is told otherwise: a comment reworded."""
    first = edit.old[0]
    told = re.sub(r"(\w{4,})(?=\W*\Z)", r"\1s", first)
    if told == first or told.strip() in {line.strip() for line in edit.file}:
        return None
    return _case(edit, _block((told, *edit.old[1:]), (told, *edit.new[1:]), edit.path))


def _elided(edit: Edit, chance: Random) -> Case | None:
    if len(edit.old) < 6:
        return None
    first, last = edit.start, edit.start + len(edit.old)
    below = edit.file[last + 8 : last + 10]
    if len(below) < 2 or sum(map(len, below)) < 30 or not _is_alone_short(below, edit.file):
        return None
    note = "# noted"
    after = (
        *edit.file[:first],
        *edit.new,
        *edit.file[last : last + 8],
        note,
        *edit.file[last + 8 :],
    )
    answer = _block((*edit.old, "...", *below), (*edit.new, "...", note, *below), edit.path)
    return Case(slip="", files=edit.files, answer=answer, right={edit.path: edit.text(after)})


def _is_alone_short(some: Lines, lines: Lines) -> bool:
    size = len(some)
    return sum(lines[i : i + size] == some for i in range(len(lines))) == 1


# --- diffs ---


def _diff(edit: Edit, lines: int = 3, *, prefix: bool = True) -> list[str]:
    one, other = (f"a/{edit.path}", f"b/{edit.path}") if prefix else (edit.path, edit.path)
    return [
        line.removesuffix("\n")
        for line in unified_diff(edit.file, edit.after, one, other, n=lines, lineterm="")
    ]


def _diff_plain(edit: Edit, chance: Random) -> Case:
    rows = _diff(edit, prefix=chance.random() < 0.5)
    if chance.random() < 0.5:
        return _case(edit, "\n".join(rows) + "\n\nThat is all.\n")
    return _case(edit, "\n".join(["```diff", *rows, "```"]))


def _diff_renumbered(edit: Edit, chance: Random) -> Case:
    def wrong(found: re.Match[str]) -> str:
        numbers = [max(1, int(n) + chance.randint(-9, 40)) for n in (found[1], found[3])]
        counts = [str(max(1, int(n or 1) + chance.randint(-2, 2))) for n in (found[2], found[4])]
        return f"@@ -{numbers[0]},{counts[0]} +{numbers[1]},{counts[1]} @@"

    rows = [
        re.sub(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", wrong, row) for row in _diff(edit)
    ]
    return _case(edit, "\n".join(["```diff", *rows, "```"]))


def _diff_unnumbered(edit: Edit, chance: Random) -> Case:
    mark = chance.choice(["@@ ... @@", "@@"])
    rows = [mark if row.startswith("@@") else row for row in _diff(edit)]
    return _case(edit, "\n".join(["```diff", *rows, "```"]))


def _diff_without_blanks(edit: Edit, chance: Random) -> Case:
    """Blank context lines have lost their one blank."""
    rows = [row if row != " " else "" for row in _diff(edit)]
    return _case(edit, "\n".join(["```diff", *rows, "```"]))


def _diff_without_margin(edit: Edit, chance: Random) -> Case:
    """Context lines stand without the blank before them."""
    rows = [row[1:] if row.startswith(" ") else row for row in _diff(edit)]
    if any(
        row[:1] in ("-", "+", "@", "\\") for row in (r[1:] for r in _diff(edit) if r[:1] == " ")
    ):
        return _diff_plain(edit, chance)
    return _case(edit, "\n".join(["```diff", *rows, "```"]))


def _diff_for_windows(edit: Edit, chance: Random) -> Case:
    there = replace(edit, end="\r\n")
    return _case(there, "\n".join(["```diff", *_diff(edit), "```"]))


def _patch(edit: Edit, chance: Random) -> Case:
    rows = [row if not row.startswith("@@") else "@@" for row in _diff(edit)[2:]]
    head, foot = ["*** Begin Patch", f"*** Update File: {edit.path}"], ["*** End Patch"]
    return _case(edit, "\n".join([*head, *rows, *foot]))


# --- whole files ---


def _whole(edit: Edit, chance: Random) -> Case:
    text = "\n".join(edit.after)
    mark = "````" if "```" in text else "```"
    head = chance.choice([f"WHOLE FILE: {edit.path}", edit.path, f"**{edit.path}**", ""])
    if not head:
        return _case(edit, f"The new file:\n\n{mark}python\n{text}\n{mark}\n")
    return _case(edit, f"{head}\n{mark}python\n{text}\n{mark}\n")


def _whole_for_windows(edit: Edit, chance: Random) -> Case:
    there = replace(edit, end="\r\n", newline=False)
    return _case(there, _whole(edit, chance).answer)


def _refused(edit: Edit, answer: str) -> Case:
    return Case(slip="", files=edit.files, answer=answer, right=None)


def _cut_off(edit: Edit, chance: Random) -> Case:
    if chance.random() < 0.5:
        whole = _plain(edit)
        least = whole.index("SEARCH") + 8
        return _refused(edit, whole[: chance.randrange(least, len(whole) - len("> REPLACE\n"))])
    text = _whole(edit, chance).answer
    return _refused(edit, text[: chance.randrange(len(text) // 4, len(text) - 10)])


def _whole_elided(edit: Edit, chance: Random) -> Case:
    said = chance.choice(
        ["# ... rest of the code unchanged", "# ... existing code ...", "# rest of the file remains the same",
         "...", "# (unchanged)", "[... rest of the file ...]", "# ..."]
    )  # fmt: skip
    stop = edit.start + len(edit.new)
    after = (*edit.after[:stop], said, *edit.after[-3:])
    return _refused(edit, f"WHOLE FILE: {edit.path}\n````python\n" + "\n".join(after) + "\n````\n")


def _part_as_whole(edit: Edit, chance: Random) -> Case:
    text = "\n".join(edit.new)
    head = chance.choice([f"WHOLE FILE: {edit.path}", edit.path, f"Change {edit.path} to:", ""])
    return _refused(edit, f"{head}\n````python\n{text}\n````\n")


def _elided_in_block(edit: Edit, chance: Random) -> Case:
    return _refused(edit, _block(edit.old, (edit.new[0], "    # ... rest unchanged"), edit.path))


def _other_value(edit: Edit, chance: Random) -> Case | None:
    """The line to change is not as the model remembers it."""
    changed = [i for i, line in enumerate(edit.old) if line not in edit.new]
    if len(changed) != 1 or len(edit.old[changed[0]].split()) < 2:
        return None
    at = changed[0]
    told = edit.old[at] + " + extra"
    return _refused(edit, _block((*edit.old[:at], told, *edit.old[at + 1 :]), edit.new, edit.path))


def _twice_there(edit: Edit, chance: Random) -> Case:
    file = (*edit.file, "", *edit.old)
    return _refused(replace(edit, file=file), _plain(edit))


_SLIPS: dict[str, Write] = {
    "none": lambda edit, chance: _case(edit, _plain(edit)),
    "indented less": _flat,
    "indented more": _deep,
    "blanks for tabs": _tabs_in_file,
    "blanks at line ends lost": _blanks_at_line_ends,
    "blanks within lines": _spaced,
    "blank lines lost": _blank_lines_lost,
    "blank lines around": _blank_lines_around,
    "in a fence": _fenced,
    "fences inside": _halves_fenced,
    "path otherwise": _path_otherwise,
    "no path": _no_path,
    "no path of several": _no_path_of_several,
    "file with CRLF": _windows_file,
    "answer with CRLF": _windows_answer,
    "no newline at end": _at_the_end,
    "line numbers": _numbered,
    "HTML entities": _entities,
    "typographic quotes": _curly,
    "reasoning around": _reasoned,
    "said twice": _again,
    "blocks in sequence": _in_parts,
    "context drifted": _drifted,
    "elided in both": _elided,
    "diff": _diff_plain,
    "diff, wrong numbers": _diff_renumbered,
    "diff, no numbers": _diff_unnumbered,
    "diff, blank lines bare": _diff_without_blanks,
    "diff, no margin": _diff_without_margin,
    "diff, CRLF": _diff_for_windows,
    "patch": _patch,
    "whole file": _whole,
    "whole file, CRLF": _whole_for_windows,
    "cut off": _cut_off,
    "whole file elided": _whole_elided,
    "part as a whole": _part_as_whole,
    "block elided": _elided_in_block,
    "other value": _other_value,
    "twice there": _twice_there,
}
