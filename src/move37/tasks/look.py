"""A look around a directory: what its files are and what they mention. Reads, concludes nothing."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from shutil import which
from typing import Any, cast

from move37.core.errors import StudyError
from move37.tasks.files import OWN_DIRECTORIES, OWN_FILES, Read

SOURCES = (
    ".py .js .mjs .cjs .ts .tsx .jsx .c .cc .cpp .cxx .h .hpp .rs .go .java .kt .rb .jl .lua .sh .cu "
    ".zig .swift .php .r .f90 .hs .ml .sql .pl .scala .cs"
)
"""Endings of files that somebody may want to improve."""

EVALUATORS = re.compile(
    r"(?:^|/)(?:prepare|data|dataset|eval|evaluate|evaluator|metrics?|score|scorer|bench\w*|measure"
    r"|test_[^/]*|[^/]*_test|tests?|conftest|setup|noxfile)\.\w+$|(?:^|/)(?:schema|seed|fixtures?)\.sql$"
    r"|(?:^|/)(?:tests?|bench(?:marks?)?|docs)/"
)
"""Files that judge, or feed what is judged: they must not change."""

_SETTINGS = re.compile(
    r"(?:^|[/_.-])(?:conf(?:ig)?|settings?|param(?:eter)?s?|hyper\w*|hparams?|options|knobs?|tuning)"
    r"(?:[_.-]\w+)*\.(?:json|ya?ml|toml)$"
)
"""Files that hold what a program is set to, by their names."""

_PROMPTS = re.compile(
    r"(?:^|/)(?:[^/]*prompt[^/]*|prompts/(?:.*/)?[^/]+)\.(?:txt|md|j2|jinja2?|tmpl|ya?ml|toml|json)$"
    r"|\.prompt$",
    re.IGNORECASE,
)
"""Files that hold what a model is told, by their names."""

_COMPILES = re.compile(
    r"\s*[@-]?\s*(?:mkdir\b|(?:\$[({](?:CC|CXX|FC|LD|NVCC)[)}]|g?cc|[gc]\+\+|clang(?:\+\+)?|nvcc|rustc"
    r"|gfortran|go build|cargo build|cmake)(?=\s))"
)
"""A line of a recipe that builds something, and measures nothing."""

_LARGEST = 400_000
"""Bytes of a file worth reading; larger ones are data."""

_INPUTS = ("data", "datasets", "dataset", "cache", ".cache", "inputs", "corpus", "weights")


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, and what the sandbox must let through for it."""

    command: str
    sandbox: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Look:
    """The files of a directory, and those beside them that git ignores."""

    def __init__(self, root: Path, paths: Sequence[str], read: Read) -> None:
        self.root = root
        self.paths = sorted(p for p in paths if p.split("/", 1)[0] not in OWN_DIRECTORIES)
        self._known = frozenset(self.paths)
        self._read = read
        self._texts: dict[str, str] = {}

    # --- files ---

    def has(self, path: str) -> bool:
        return path in self._known

    def is_directory(self, path: str) -> bool:
        return (self.root / path).is_dir()

    def first(self, *names: str) -> str | None:
        """The first of these that is there."""
        return next((name for name in names if self.has(name)), None)

    def text(self, path: str) -> str:
        """What the file says; empty when it is missing, binary or too large to be a program."""
        if path not in self._known:
            return ""
        if path not in self._texts:
            try:
                content = self._read(path)
            except (OSError, StudyError):
                content = b""
            is_data = len(content) > _LARGEST or b"\0" in content
            self._texts[path] = "" if is_data else content.decode(errors="replace")
        return self._texts[path]

    @cached_property
    def _sources(self) -> tuple[str, ...]:
        endings = tuple(SOURCES.split())
        return tuple(
            path
            for path in self.paths
            if path.endswith(endings)
            and not EVALUATORS.search(path)
            and path not in OWN_FILES
            and not path.startswith(".")
        )

    def sources(self) -> tuple[str, ...]:
        """Programs that judge nothing."""
        return self._sources

    def tested_source(self) -> tuple[str, ...]:
        """What an evaluation of the whole project is about: `src/`, or the only program there is."""
        if any(path.startswith("src/") for path in self._sources):
            return self._whole("src/")
        return self._sources if len(self._sources) == 1 else ()

    def _whole(self, directory: str) -> tuple[str, ...]:
        """A directory; its programs one by one when some files in it judge them."""
        inside = [path for path in self.paths if path.startswith(directory)]
        if any(EVALUATORS.search(path) for path in inside):
            return tuple(path for path in self._sources if path.startswith(directory))
        return (directory,)

    def only_script(self) -> str | None:
        scripts = [path for path in self._sources if path.endswith(".py") and "/" not in path]
        return scripts[0] if len(scripts) == 1 else None

    def benchmark(self) -> str | None:
        """The only benchmark script, wherever it is."""
        found = [
            p
            for p in self.paths
            if re.search(r"(?:^|/)bench[\w-]*(?:/[\w-]+)?\.(?:py|m?js|sh)$", p)
        ]
        return found[0] if len(found) == 1 else None

    def marked(self) -> str | None:
        """The only file with marks around what may evolve."""
        found = [path for path in self._sources if "EVOLVE-BLOCK-START" in self.text(path)]
        return found[0] if len(found) == 1 else None

    def inputs(self) -> tuple[str, ...]:
        """Directories that look like inputs, and the virtual environment that runs the program."""
        found = [name for name in _INPUTS if self.is_directory(name)]
        return (*found, ".venv") if self._has_venv() else tuple(found)

    def home_caches(self, *paths: str) -> Iterator[str]:
        """Directories in `~/.cache` that these files mention and that are there."""
        for path in paths:
            for name in re.findall(r"\.cache[\"']?\s*[,/]\s*[\"']?([\w-][\w.-]*)", self.text(path)):
                if (Path.home() / ".cache" / name).is_dir():
                    yield f"~/.cache/{name}"

    # --- what files mention ---

    def files_in(self, text: str) -> tuple[str, ...]:
        """Files of the task that a text names, in the order of their first mention."""
        words = (word.removeprefix("./") for word in re.findall(r"[\w./@+-]+", text))
        return tuple(dict.fromkeys(word for word in words if self.has(word)))

    def named_in(self, script: str) -> tuple[str, ...]:
        """Programs that a script names, itself and those that judge left out."""
        named = self.files_in(self.text(script))
        return tuple(path for path in named if path in self._sources and path != script)

    def settings(self, script: str) -> tuple[str, ...]:
        """Files of settings that a script names."""
        named = self.files_in(self.text(script))
        return tuple(p for p in named if _SETTINGS.search(p) and p not in OWN_FILES)

    def prompts(self, script: str) -> tuple[str, ...]:
        """Prompts that a script names."""
        named = self.files_in(self.text(script))
        return tuple(p for p in named if _PROMPTS.search(p) and p not in OWN_FILES)

    def leaving(self) -> str | None:
        """The only program that leaves something in `$MOVE37_OUT`."""
        found = [path for path in self._sources if "MOVE37_OUT" in self.text(path)]
        return found[0] if len(found) == 1 else None

    def data(self) -> tuple[str, ...]:
        """Structured files that somebody may want to improve, where there are no programs."""
        endings = (".json", ".yaml", ".yml", ".toml")
        return tuple(
            path
            for path in self.paths
            if path.endswith(endings)
            and not EVALUATORS.search(path)
            and path not in OWN_FILES
            and not path.startswith(".")
        )

    def imported(self, script: str) -> tuple[str, ...]:
        """Programs of the task that a script imports, those that judge left out.

        A Python package is named as a whole, unless the script is in it.
        """
        directory = script.rpartition("/")[0]
        bases = ("", "src/", f"{directory}/" if directory else "")
        find = self._python_module if script.endswith(".py") else self._javascript_module
        found = (
            find(base, name.lstrip("."), script)
            for name in self._modules(script)
            for base in dict.fromkeys(bases)
        )
        paths = dict.fromkeys(path for path in found if path is not None and path != script)
        return tuple(
            inner
            for path in paths
            for inner in (self._whole(path) if path.endswith("/") else (path,))
        )

    def _python_module(self, base: str, name: str, script: str) -> str | None:
        package = f"{base}{name.split('.')[0]}/"
        if f"{package}__init__.py" in self._known and not script.startswith(package):
            return package
        path = f"{base}{name.replace('.', '/')}.py"
        return path if path in self._sources else None

    def _javascript_module(self, base: str, name: str, script: str) -> str | None:
        endings = ("", ".js", ".mjs", ".cjs", ".ts")
        paths = (f"{base}{name}{ending}" for ending in endings)
        return next((path for path in paths if path in self._sources), None)

    def _modules(self, script: str) -> Iterator[str]:
        pattern = r"(?:from|import|require)\b\s*\(?\s*[\"']\./([\w./-]+)[\"']"
        if script.endswith(".py"):
            pattern = r"^[ \t]*(?:from|import)[ \t]+(\.?\w[\w.]*)"
        for found in re.finditer(pattern, self.text(script), re.MULTILINE):
            yield found[1]

    # --- commands ---

    def python(self, arguments: str) -> Launch:
        """How to run Python here. The project's own environment comes first: it needs no network."""
        if self._has_venv():
            home = (self.root / ".venv/bin/python").resolve().parent.parent
            shown = {} if home.is_relative_to("/usr") else {"read": [str(home)]}
            return Launch(f".venv/bin/python {arguments}", shown)
        if self.wants_uv() and which("uv"):
            runs_code = arguments.startswith("-")
            return Launch(f"uv run {'python ' if runs_code else ''}{arguments}")
        return Launch(f"python {arguments}")

    def wants_uv(self) -> bool:
        """Whether it is a project of uv, whose environment is not made yet."""
        return self.has("pyproject.toml") and self.has("uv.lock") and not self._has_venv()

    def launch(self, script: str) -> Launch:
        """How to run this script."""
        quoted = shlex.quote(script)
        if script.endswith(".py"):
            return self.python(quoted)
        return Launch(f"{'bash' if script.endswith('.sh') else 'node'} {quoted}")

    def commands(self) -> tuple[str, ...]:
        """Commands that might measure something, for a person to choose from."""
        scripts = [p for p in self.paths if "/" not in p and p.endswith((".py", ".sh"))]
        runs = [self.launch(script).command for script in scripts]
        made = [f"make --silent {target}" for target in self.make_targets()]
        npm = [f"npm run --silent {name}" for name in self.npm_scripts()]
        return tuple([*runs, *made, *npm][:20])

    def _has_venv(self) -> bool:
        return (self.root / ".venv/bin/python").exists()

    def npm_scripts(self) -> dict[str, str]:
        try:
            package: object = json.loads(self.text("package.json") or "{}")
        except (ValueError, RecursionError):
            return {}
        if not isinstance(package, dict):
            return {}
        scripts = cast("dict[str, object]", package).get("scripts")
        if not isinstance(scripts, dict):
            return {}
        items = cast("dict[str, object]", scripts).items()
        return {name: command for name, command in items if isinstance(command, str)}

    def behind_target(self, target: str) -> tuple[str, ...]:
        """The programs that a target runs: named in its rule, or what it builds is named like them."""
        rule = self._rules().get(target, "")
        named = self.files_in(rule)
        stems = {word.rpartition("/")[2] for word in re.findall(r"[\w./+-]+", rule)} - {"", target}
        stems |= {target} if re.search(rf"[\w.)]/{re.escape(target)}\b", rule) else set()
        endings = tuple(SOURCES.split())
        built = (
            path
            for path in self.paths
            if path.endswith(endings) and path.rpartition("/")[2].rpartition(".")[0] in stems
        )
        return tuple(dict.fromkeys((*named, *built)))

    def make_targets(self) -> dict[str, str]:
        """Recipes by target, in the order of the Makefile, without what only compiles."""
        recipes = {
            target: "".join(f"{line}\n" for line in rule.splitlines()[1:])
            for target, rule in self._rules().items()
        }
        return {
            target: recipe
            for target, recipe in recipes.items()
            if not recipe or not all(map(_COMPILES.match, recipe.splitlines()))
        }

    def _rules(self) -> dict[str, str]:
        """What each target needs, in one line, and then its recipe."""
        rules: dict[str, str] = {}
        current: str | None = None
        for line in self.text(self.first("Makefile", "makefile", "GNUmakefile") or "").splitlines():
            if line.startswith("\t"):
                if current is not None:
                    rules[current] += line + "\n"
            elif found := re.match(r"([\w-]+)\s*:(?!=)(.*)", line):
                current = str(found[1])
                needs, _, recipe = rules.get(current, "\n").partition("\n")
                rules[current] = f"{needs} {found[2]}\n{recipe}"
            elif line.strip():
                current = None
        return rules
