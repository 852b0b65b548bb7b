"""What a model is told of a directory before it drafts a task: names, and the files that tell most.

Reads files, runs nothing. Keeps to a number of characters, and leaves out what looks like a secret
or a hold-out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from move37.tasks.draft import Draft
from move37.tasks.look import EVALUATORS, Look

_SECRET = re.compile(
    r"(?:^|/)(?:\.env(?:\..*)?|\.netrc|\.npmrc|\.pypirc|id_[a-z0-9]+|[^/]*credential[^/]*|[^/]*secret[^/]*"
    r"|[^/]*\.(?:pem|key|p12|pfx|kdbx|asc|gpg))$|(?:^|/)(?:\.ssh|\.aws|\.gnupg|holdout|hidden)/",
    re.IGNORECASE,
)
"""Files that a provider of models has no business to read, and those that `hide` is for."""

_MANIFESTS = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.(?:py|cfg)|requirements[^/]*\.txt|tox\.ini|noxfile\.py"
    r"|pytest\.ini|package\.json|Cargo\.toml|go\.mod|GNUmakefile|[Mm]akefile|justfile|CMakeLists\.txt"
    r"|meson\.build|pom\.xml|build\.gradle(?:\.kts)?|mix\.exs|Gemfile|environment\.ya?ml)$"
)
_READMES = re.compile(r"(?:^|/)(?:README|CONTRIBUTING|BENCHMARKS?|program)[^/]*$", re.IGNORECASE)
_MEASURES = re.compile(r"bench|eval|measure|perf|score|train|run|solve|main", re.IGNORECASE)

_SHARES: Mapping[str, float] = {"tree": 0.2, "manifests": 0.25, "readmes": 0.2, "scripts": 0.35}
"""How the characters are shared; what one does not need is for those after it."""
_MOST_OF_ONE = 0.5
"""Of a share: so much a single file may take."""


def survey(look: Look, found: Draft | None, *, most_characters: int) -> str:
    """A description of the directory in at most so many characters."""
    parts: list[str] = []
    left, pending = most_characters, 1.0
    conclusions = _conclusions(found) if found else ""
    parts.append(conclusions[: most_characters // 4])
    left -= len(parts[0])
    for kind, share in _SHARES.items():
        room = int(left * share / pending)
        pending -= share
        part = _tree(look, room) if kind == "tree" else _contents(look, _chosen(look, kind), room)
        parts.append(part)
        left -= len(part)
    return "\n".join(filter(None, parts))[:most_characters]


def is_secret(path: str) -> bool:
    """Whether the content of a file is kept from models by its name."""
    return _SECRET.search(path) is not None


def _chosen(look: Look, kind: str) -> Sequence[str]:
    """Files of a kind, those nearest to the top first."""
    paths = [path for path in look.paths if not is_secret(path)]
    match kind:
        case "manifests":
            found = [path for path in paths if _MANIFESTS.search(path)]
        case "readmes":
            found = [path for path in paths if _READMES.search(path)]
        case _:
            found = [path for path in paths if _tells_how_to_measure(path)]
    return sorted(found, key=lambda path: (path.count("/"), not EVALUATORS.search(path), path))


def _tells_how_to_measure(path: str) -> bool:
    is_program = path.endswith((".py", ".sh", ".js", ".mjs", ".ts", ".rs", ".go", ".c", ".cpp"))
    return is_program and _MEASURES.search(path.rpartition("/")[2]) is not None


def _conclusions(found: Draft) -> str:
    lines = [f"- {sentence}" for sentence in found.found]
    lines += [f"- not found: {question.key}" for question in found.questions]
    return f"What move37 concludes by itself ({found.layout}):\n" + "\n".join(lines) + "\n"


def _tree(look: Look, room: int) -> str:
    """All paths where they fit; otherwise directories, with how many files are in each."""
    full = "\n".join(map(_shown, look.paths))
    if len(full) > room:
        full = "\n".join(_folded(look.paths))
    return f"Files ({len(look.paths)}):\n{_shortened(full, room - 40)}\n" if room > 80 else ""


def _folded(paths: Sequence[str]) -> Iterator[str]:
    """The files at the top, and the directories of the first two levels."""
    yield from (_shown(path) for path in paths if "/" not in path)
    inside = Counter("/".join(path.split("/")[:-1][:2]) for path in paths if "/" in path)
    for directory, count in sorted(inside.items()):
        yield f"{_shown(directory)}/ ({count} files)"


def _contents(look: Look, paths: Sequence[str], room: int) -> str:
    parts: list[str] = []
    for path in paths:
        text = look.text(path)
        frame = len(path) + 40
        if not text.strip() or room < frame + 200:
            continue
        shown = _shortened(text, min(room - frame, max(1_000, int(room * _MOST_OF_ONE))))
        parts.append(f"===== {_shown(path)} =====\n{shown}\n")
        room -= len(parts[-1])
    return "".join(parts)


def _shown(path: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in path)


def _shortened(text: str, room: int) -> str:
    """The beginning and the end, at lines, where not all of it fits."""
    if len(text) <= room:
        return text
    head, tail = text[: room * 2 // 3], text[len(text) - room // 3 + 20 :]
    first, last = head.rpartition("\n")[0] or head, tail.partition("\n")[2] or tail
    return f"{first}\n[…]\n{last}"
