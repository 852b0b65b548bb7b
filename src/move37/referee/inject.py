"""Puts code into a program as a candidate would: at the start of Python, shell, JavaScript and Perl files.

And the edit that changes nothing: a comment at the end of a file.
"""

import ast
import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from move37.referee.canaries import When

_GUARD = "MOVE37_CANARY"
"""Set in the environment once a cheat has begun, so that a second file or process does not again."""

_HASH = frozenset(
    {".py", ".pyx", ".pyi", ".sh", ".bash", ".rb", ".pl", ".r", ".jl", ".toml", ".yaml", ".yml"}
    | {".mk", ".cmake", ".tcl", ".awk", ".ex", ".exs", ".nim"}
)
_SLASHES = frozenset(
    {".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cu", ".cuh", ".java", ".js", ".mjs", ".cjs"}
    | {".ts", ".tsx", ".jsx", ".go", ".rs", ".swift", ".kt", ".scala", ".cs", ".zig", ".d"}
)
_DASHES = frozenset({".lua", ".sql", ".hs", ".elm"})
_DATA = frozenset(
    {".toml", ".json", ".jsonl", ".yaml", ".yml", ".ini", ".cfg", ".csv", ".tsv", ".txt", ".md"}
)
_NOTE = "a comment, added by `move37 check`: it changes nothing"


def null_edit(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """One file with a comment at its end, or an empty line where nobody knows how to comment.

    Empty when there is no file. The first file whose comments are known is taken, by its path.
    """
    for path in sorted(files):
        suffix = PurePosixPath(path).suffix.lower()
        for start, suffixes in (("#", _HASH), ("//", _SLASHES), ("--", _DASHES)):
            if suffix in suffixes:
                return {path: _ended(files[path]) + f"{start} {_NOTE}\n".encode()}
    return {path: _ended(files[path]) + b"\n" for path in sorted(files)[:1]}


def inject_script(files: Mapping[str, bytes], script: str, when: When) -> Mapping[str, bytes]:
    """The files that can run a shell script, with the script in them.

    Empty when there are none; and when there is another one, data aside, that no script can be put
    into: that one may be what is run, and then the others prove nothing.
    """
    python = _in_python(script, when)
    shell = _in_shell(script, when)
    changed = {
        **_python_files(files, python),
        **_shell_files(files, shell),
        **_javascript_files(files, script, when),
        **_perl_files(files, script, when),
    }
    others = [path for path in files if path not in changed and not is_data(path)]
    return {} if others else changed


def is_data(path: str) -> bool:
    """Whether a file is data by its name: a change of it is no code, unless an evaluation runs it."""
    return PurePosixPath(path).suffix.lower() in _DATA


def inject_python(files: Mapping[str, bytes], code: str) -> Mapping[str, bytes]:
    """The Python files with this code at their start; empty when there are none."""
    return _python_files(files, code)


def _in_python(script: str, when: When) -> str:
    run = f"subprocess.run(['/bin/sh', '-c', {script!r}])"
    match when:
        case "before":
            return f"import subprocess\n{run}"
        case "instead":
            return f"import os, subprocess\n{run}\nos._exit(0)"
        case "after":
            return (
                "import atexit, subprocess, sys\n"
                f"def last():\n sys.stdout.flush()\n {run}\n"
                "atexit.register(last)"
            )


def _in_shell(script: str, when: When) -> str:
    quoted = "'" + script.replace("'", "'\\''") + "'"
    match when:
        case "before":
            return f"/bin/sh -c {quoted}"
        case "instead":
            return f"/bin/sh -c {quoted}; exit 0"
        case "after":
            return f"move37_last={quoted}; trap '/bin/sh -c \"$move37_last\"' EXIT"


def _python_files(files: Mapping[str, bytes], code: str) -> dict[str, bytes]:
    guarded = (
        f"import os\nif {_GUARD!r} not in os.environ:\n os.environ[{_GUARD!r}] = '1'\n"
        f" exec({code!r}, {{'__name__': {_GUARD!r}}})"
    )
    line = f"exec({guarded!r}, {{}})\n".encode()
    changed: dict[str, bytes] = {}
    for path, data in files.items():
        if path.endswith(".py") and (at := _first_statement(data)) is not None:
            lines = data.splitlines(keepends=True)
            before = b"".join(lines[:at])
            changed[path] = (_ended(before) if before else b"") + line + b"".join(lines[at:])
    return changed


def _first_statement(data: bytes) -> int | None:
    """How many lines come before the first statement that may be preceded by another one."""
    try:
        body = ast.parse(data).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    at = 0
    for number, statement in enumerate(body):
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not (is_future or (is_text and number == 0)):
            break
        at = statement.end_lineno or at
    if at:
        return at
    leading = 0
    for line in data.splitlines()[:2]:  # `#!` and the encoding stay where they mean something
        if not line.startswith(b"#"):
            break
        leading += 1
    return leading


def _shell_files(files: Mapping[str, bytes], code: str) -> dict[str, bytes]:
    guarded = f'if [ -z "${_GUARD}" ]; then export {_GUARD}=1\n{code}\nfi\n'.encode()
    changed: dict[str, bytes] = {}
    for path, data in files.items():
        first = data.split(b"\n", 1)[0]
        is_shell = first.startswith(b"#!") and first.rstrip().endswith(
            (b"/sh", b"/bash", b" sh", b" bash", b"/dash")
        )
        if is_shell:
            changed[path] = first + b"\n" + guarded + data[len(first) + 1 :]
        elif path.endswith((".sh", ".bash")):
            changed[path] = guarded + data
    return changed


_MODULE = re.compile(rb"^[ \t]*(?:import[ \t{*'\"]|export[ \t{*])", re.MULTILINE)


def _javascript_files(files: Mapping[str, bytes], script: str, when: When) -> dict[str, bytes]:
    shell = f"spawnSync('/bin/sh', ['-c', {json.dumps(script)}], {{stdio: 'inherit'}})"
    body = {
        "before": "move37();",
        "instead": "move37(); process.exit(0);",
        "after": "process.on('exit', move37);",
    }[when]
    changed: dict[str, bytes] = {}
    for path, data in files.items():
        if path.endswith((".js", ".cjs", ".mjs")):
            is_module = path.endswith(".mjs") or (path.endswith(".js") and _MODULE.search(data))
            loaded = (
                "await import('node:child_process')" if is_module else "require('child_process')"
            )
            code = (
                f"if (!process.env.{_GUARD}) {{ process.env.{_GUARD} = '1'; "
                f"const {{spawnSync}} = {loaded}; const move37 = () => {shell}; {body} }}\n"
            )
            changed[path] = _after_shebang(data, code.encode())
    return changed


def _perl_files(files: Mapping[str, bytes], script: str, when: When) -> dict[str, bytes]:
    quoted = "'" + script.replace("\\", "\\\\").replace("'", "\\'") + "'"
    run = f"unless ($ENV{{{_GUARD}}}) {{ $ENV{{{_GUARD}}} = 1; system('/bin/sh', '-c', {quoted});"
    code = {
        "before": f"{run} }}\n",
        "instead": f"{run} exit 0; }}\n",
        "after": f"END {{ {run} }} }}\n",
    }[when]
    return {
        path: _after_shebang(data, code.encode())
        for path, data in files.items()
        if path.endswith((".pl", ".pm"))
    }


def _after_shebang(data: bytes, code: bytes) -> bytes:
    if not data.startswith(b"#!"):
        return code + data
    first, _, rest = data.partition(b"\n")
    return first + b"\n" + code + rest


def _ended(data: bytes) -> bytes:
    return data if not data or data.endswith(b"\n") else data + b"\n"
