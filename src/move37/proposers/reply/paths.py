"""Which file an answer means by what it calls it."""

import re
from collections.abc import Collection, Sequence
from posixpath import basename

from move37.proposers.reply.parts import Problem

_LABEL = re.compile(
    r"(?i)^(?:in|edit|update|modify|create|change|changes (?:in|to))?\s*(?:the\s+)?"
    r"(?:new\s+|whole\s+|full\s+|entire\s+)?(?:file\s?name|filepath|file|path)?\s*[:=]?\s+"
)
_SPELLED = re.compile(r"[^\s`*\"'<>|?:=(),;\[\]{}]+\Z")
_SUFFIX = re.compile(r"\.[A-Za-z]\w{0,9}\Z")
_TITLE = re.compile(r"(?:title|file|filename|path)\s*=\s*[\"']?([^\"'\s}]+)")
_COMMENT = re.compile(r"\s*(?:#|//|--|;|/\*)\s*(.*)\Z")
_WORDS = re.compile(r"[\w./\\-]+")
_LONGEST = 300


def path_line(line: str, known: Collection[str]) -> str | None:
    """The path that a line consists of, but for markup and words such as `File:`. `None`: it does not."""
    if len(line) > _LONGEST:
        return None
    bare = line.strip().strip("*_`\"'#>: \t").strip()
    for text in (bare, _LABEL.sub("", bare + " ").strip(), re.sub(r"^\d+[.)]\s+", "", bare)):
        text = text.strip("*`\"': \t").strip()
        if text in known:
            return text
        if _SPELLED.match(text) and _looks_like_a_path(text):
            return text
    return None


def _looks_like_a_path(text: str) -> bool:
    name = basename(text.replace("\\", "/"))
    if not name or text.startswith(("http:", "https:", "//")) or text.endswith((".", "...")):
        return False
    return bool(_SUFFIX.search(name)) or (
        text.count("/") >= 1 and text[0] in "./ab" and "//" not in text
    )


def info_path(info: str, known: Collection[str]) -> str | None:
    """The path in the first line of a fence, such as ```` ```python train.py ````."""
    if not info:
        return None
    if (titled := _TITLE.search(info)) is not None:
        return titled[1]
    for word in (info, *info.split()[1:], info.partition(":")[2]):
        if word and (path := path_line(word, known)) is not None:
            return path
    return None


def commented_path(content: Sequence[str], known: Collection[str]) -> str | None:
    """The path that stands as a comment in the first line, such as `# train.py`."""
    said = _COMMENT.match(content[0]) if content else None
    return path_line(said[1], known) if said is not None else None


def mentioned(line: str, known: Collection[str]) -> str | None:
    """The one known file that a sentence speaks of; `None` where it is none or several."""
    if len(line) > _LONGEST:
        return None
    found: set[str] = set()
    for word in _WORDS.findall(line):
        word = word.rstrip(".").removeprefix("./")
        if word in known:
            found.add(word)
        else:
            found.update(_of_basename(word, known) if "/" not in word else ())
    return found.pop() if len(found) == 1 else None


def _of_basename(name: str, known: Collection[str]) -> list[str]:
    return [path for path in known if basename(path) == name]


def checked(named: str) -> str:
    """The path, tidied. Raises `Problem` for one that no file of a program can have."""
    path = named.strip().replace("\\", "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    parts = path.split("/")
    if not path or "\0" in path or not path.isprintable():
        raise Problem(f"{named!r} is no path; write it as it is listed, such as src/train.py")
    if ".." in parts or path.startswith("~"):
        raise Problem(
            f"the path {named!r} leads out of the program; write the path of a file in it, "
            "relative and without '..'"
        )
    return "/".join(part for part in parts[:1] + [p for p in parts[1:] if p not in ("", ".")])


def existing(named: str, known: Sequence[str]) -> tuple[str, str]:
    """The file that is meant, and a note where it is called otherwise. Raises `Problem`.

    A wrong directory is forgiven where only one file has that name: the caller goes on to check that
    the text to be replaced is in it.
    """
    path = checked(named)
    if path in known:
        return path, ""
    candidates = [path[2:]] if path.startswith(("a/", "b/")) else []
    parts = path.strip("/").split("/")
    candidates += ["/".join(parts[start:]) for start in range(len(parts))]
    for candidate in candidates:
        if candidate in known:
            return candidate, f"{named!r} was read as {candidate}"
    for same in (str, str.lower):
        for tail in candidates:
            found = [each for each in known if same("/" + each).endswith("/" + same(tail))]
            if len(found) == 1:
                return found[0], f"{named!r} was read as {found[0]}"
            if len(found) > 1:
                raise Problem(
                    f"the path {named!r} may mean {_listed(sorted(found))}; write the full path of one"
                )
    raise Problem(
        f"there is no file {named!r} that you may change; the files are {_listed(known)}"
        " (to make a new file, leave SEARCH empty)"
    )


def fresh(named: str, known: Sequence[str], *, is_diff: bool = False) -> str:
    """The path of a file that may be new. Raises `Problem` for one that is outside or odd."""
    path = checked(named)
    if path in known:
        return path
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        inside = [each for each in known if path.endswith("/" + each)]
        if len(inside) == 1:
            return inside[0]
        raise Problem(
            f"the path {named!r} is absolute; write it relative to the program, such as src/train.py"
        )
    if is_diff and path.startswith(("a/", "b/")):
        return path[2:]
    return path


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(sorted(paths)[:20])
    return shown + (f" and {len(paths) - 20} more" if len(paths) > 20 else "")
