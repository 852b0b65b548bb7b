"""Lines that stand for others which an answer leaves out, such as `# ... rest unchanged`."""

import re
from collections.abc import Sequence

from move37.proposers.reply.parts import Lines

_ELISION = re.compile(r"[ \t]*(?:(?:#|//|--|;|/\*)[ \t]*)?(?:\.\.\.|\u2026)[ \t]*(?:\*/)?[ \t]*\Z")
_SAYS_REST = re.compile(
    r"(?i)\b(?:rest|remain\w*|existing|unchanged|same|previous\w*|omitted|other|keep|as before|original|"
    r"continue\w*|truncated|elided|snip\w*|unmodified|here|code|above|below)\b"
)
_COMMENT = re.compile(
    r"[ \t]*(?:#+|//+|--+|;+|%+|/\*+|<!--|\"\"\"|\(\*|\[)[ \t]*(.*?)[ \t]*(?:\*/|-->|\]|\"\"\")?[ \t]*\Z"
)
_STRONG = re.compile(
    r"(?i)[\[(<]*\s*(?:the\s+)?(?:(?:rest|remainder)\s+of\s+(?:the\s+|this\s+|your\s+)?[\w ]{1,40}"
    r"|(?:rest|everything else|other \w+|existing \w+|remaining \w+|all other \w+)\s+"
    r"(?:is |are |remains? |stays? )*(?:unchanged|the same|same|as before|as is|here|omitted|unmodified|goes here)"
    r"|(?:same|unchanged)\s+as\s+(?:before|above|original|in the original)|unchanged|existing code|"
    r"(?:code|lines) (?:omitted|unchanged))[\s.)\]>]*\Z"
)


def is_elision(line: str) -> bool:
    """Whether a line stands for lines that were left out, such as `# ... rest unchanged`."""
    if len(line) > 200:
        return False
    if _ELISION.match(line):
        return True
    comment = _COMMENT.match(line)
    if comment is None:
        return False
    said = comment[1]
    if ("..." in said or "\u2026" in said) and _SAYS_REST.search(said):
        return True
    return _STRONG.match(said) is not None


def new_elision(old: Sequence[str], new: Sequence[str], file: Sequence[str]) -> str | None:
    """A line of `new` that stands for others and that the file does not have. `None`: there is none."""
    here = {line.strip() for line in file} | {line.strip() for line in old}
    before = ""
    for line in new:
        said = line.strip()
        if is_elision(line) and said not in here:
            is_body = said == "..." and before.endswith(":")
            if not is_body or before in here:  # a body of something new may be `...`
                return said
        before = said or before
    return None


def split_at_elisions(lines: Lines) -> list[Lines]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if is_elision(line):
            parts.append([])
        else:
            parts[-1].append(line)
    return [tuple(part) for part in parts]
