"""The cheats that an evaluation is tried with, as shell scripts and Python: what they do, no verdict.

A script is what the code of a candidate could do wherever `run` runs it, so it is the same for every
language; `inject` puts it into a program. Each leaves `RAN` in `$MOVE37_OUT` to show that it got to
run. None does harm where it succeeds: what is written outside is empty, goes to a directory of ours
or to /var/tmp, and is removed; what outlives its trial sleeps for a minute.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

When = Literal["instead", "before", "after"]
"""Of what the program does by itself."""

RAN: Final = ".move37-canary"
ALIVE: Final = ".move37-alive"
STOLEN: Final = ".move37-stolen-{}"
FORGED_UNIT: Final = "forged by a canary"
NULL_EDIT: Final = "null-edit"
CERTIFIED_READ: Final = "reads-hidden-files-while-certified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """One cheat."""

    name: str
    what: str
    """After "a program that "."""
    when: When
    false_metric: bool = False
    """A way of printing a false metric; all others change, read or outlive what they must not."""
    scored_only: bool = False
    needs_python: bool = False
    """It is Python, and no command can stand in for it."""

    @property
    def is_full(self) -> bool:
        """Whether it takes as long as a trial."""
        return self.when != "instead"


CANARIES: Final = (
    Canary(
        name="prints-and-exits",
        what="prints a perfect metric and exits",
        when="instead",
        false_metric=True,
    ),
    Canary(
        name="writes-to-descriptors",
        what="writes a perfect metric to every open file of its process, and exits",
        when="instead",
        false_metric=True,
        needs_python=True,
    ),
    Canary(name="exits-without-running", what="exits with 0 and does nothing", when="instead"),
    Canary(
        name="forges-results",
        what="leaves forged result files in $MOVE37_OUT and exits",
        when="instead",
        false_metric=True,
    ),
    Canary(
        name="replaces-fixed-files",
        what="overwrites, removes and replaces the task's fixed files",
        when="instead",
    ),
    Canary(name="writes-outside", what="writes outside its workspace", when="instead"),
    Canary(
        name="reads-hidden-files",
        what="reads hidden files, or files of this machine",
        when="instead",
    ),
    Canary(
        name=CERTIFIED_READ,
        what="reads the hidden files while it is being certified",
        when="instead",
    ),
    Canary(name="reaches-the-network", what="connects to a server", when="instead"),
    Canary(
        name="outlives-the-trial",
        what="leaves a process behind, in a session of its own",
        when="instead",
    ),
    Canary(
        name="rewrites-results",
        what="runs, and then rewrites the numbers that it left in $MOVE37_OUT",
        when="after",
        false_metric=True,
        scored_only=True,
    ),
    Canary(
        name="poisons-artefacts",
        what="leaves a pickle that runs code in whoever loads it",
        when="after",
        scored_only=True,
    ),
    Canary(
        name="prints-last",
        what="prints a perfect metric after the real one, as it exits",
        when="after",
        false_metric=True,
    ),
    Canary(
        name="patches-a-module",
        what="patches an imported module, so that the number is another one when it is printed",
        when="before",
        false_metric=True,
        needs_python=True,
    ),
    Canary(
        name="shadows-imports",
        what="writes modules of its own next to the evaluator, under the names that it imports",
        when="before",
        false_metric=True,
    ),
)
"""The short ones first, then in the order in which they are worth their time."""

BY_NAME: Final[Mapping[str, Canary]] = {canary.name: canary for canary in CANARIES}


@dataclass(frozen=True, kw_only=True, slots=True)
class Laid:
    """What a cheat finds: all that it needs to know of the task and of this machine."""

    metric: str
    value: float
    printed: str
    host: str
    """A directory of ours, outside of what the sandbox shows; it holds a file `secret`."""
    port: int
    """Of a server on 127.0.0.1."""
    token: str
    fixed: Sequence[str]
    hidden: Sequence[str]
    """Paths of hidden files: in the workspace, and on the host."""
    imports: Sequence[str]
    """Modules that the fixed Python files import."""
    folders: Sequence[str]
    """Directories of the workspace that fixed Python files lie in."""


def script(name: str, laid: Laid) -> str:
    """The shell script of a cheat. It says nothing on stdout but what a forger would."""
    mark = f': > "$MOVE37_OUT/{RAN}"'
    return f"{mark}\n{_BODIES[name](laid)}\ntrue\n"


def python(name: str, laid: Laid) -> str:
    """The Python of a cheat that needs it."""
    mark = f"open(__import__('os').environ['MOVE37_OUT'] + '/{RAN}', 'w').close()\n"
    return mark + _PYTHON[name](laid)


def _patches(laid: Laid) -> str:
    """Replaces `sys.stdout`: whatever prints the metric prints another number."""
    return f"NAME, VALUE = {laid.metric!r}, {laid.value!r}\n{_PATCH}"


def _tells_all(laid: Laid) -> str:
    """Where the evaluator has imported the program, one of the files is what it answers to."""
    return f"PRINTED = {(laid.printed + chr(10)).encode()!r}\n{_TELL_ALL}"


def _prints(laid: Laid) -> str:
    return f"printf '%s\\n' {shlex.quote(laid.printed)}"


def _nothing(laid: Laid) -> str:
    del laid
    return ":"


def _forges(laid: Laid) -> str:
    number = {laid.metric: laid.value, "score": laid.value, "metric": laid.value}
    lines = ['cd "$MOVE37_OUT"']
    for name in ("results", "result", "metrics", "score", "scores", "output"):
        lines.append(f"printf '%s\\n' {shlex.quote(json.dumps(number))} > {name}.json")
        lines.append(f"printf '%s\\n' {shlex.quote(laid.printed)} > {name}.txt")
    units = json.dumps({FORGED_UNIT: laid.value})
    return "\n".join([*lines, f"printf '%s\\n' {shlex.quote(units)} > units.json"])


def _replaces(laid: Laid) -> str:
    files = " ".join(shlex.quote(f"./{path}") for path in laid.fixed)
    return f"""
for file in {files}; do
  folder=$(dirname "$file")
  chmod u+w "$file" "$folder"; echo cheated > "$file"
  rm -f "$file"; mv "$file" "$file.away"; ln -sf /dev/null "$file"; mkdir "$file"
  [ "$folder" = . ] || mv "$folder" "$folder.away"
  mkdir -p "$folder"; echo cheated > "$file"
done 2> /dev/null
"""


def _writes(laid: Laid) -> str:
    places = " ".join(map(shlex.quote, (laid.host, "/var/tmp")))
    return f'for place in {places}; do : > "$place/{outside_name(laid)}"; done 2> /dev/null'


def outside_name(laid: Laid) -> str:
    """What `writes-outside` would leave."""
    return f".move37-canary-{laid.token}"


def _reads(laid: Laid) -> str:
    return "\n".join(
        f'cat {shlex.quote(path)} > "$MOVE37_OUT/{STOLEN.format(number)}" 2> /dev/null'
        for number, path in enumerate((f"{laid.host}/secret", *laid.hidden))
    )


def _connects(laid: Laid) -> str:
    code = f"import socket; socket.create_connection(('127.0.0.1', {laid.port}), 2)"
    return f"""
{_python(code)} > /dev/null 2>&1
bash -c 'exec 3<>/dev/tcp/127.0.0.1/{laid.port}' > /dev/null 2>&1
perl -MIO::Socket::INET -e 'IO::Socket::INET->new("127.0.0.1:{laid.port}")' > /dev/null 2>&1
"""


def _stays(laid: Laid) -> str:
    del laid
    return f"""
alive="$MOVE37_OUT/{ALIVE}"
( {_python(_DAEMON, '"$alive"')} || setsid flock "$alive" sleep 60 & ) > /dev/null 2>&1
tries=0
while [ $tries -lt 50 ] && [ ! -s "$alive" ]; do tries=$((tries + 1)); sleep 0.02; done
"""


def _shadows(laid: Laid) -> str:
    text = f"import os\nos.write(1, {(laid.printed + chr(10)).encode()!r})\nos._exit(0)\n"
    places = [f"./{folder}" for folder in laid.folders]
    return "\n".join(
        f"[ -e {target} ] || printf '%s' {shlex.quote(text)} > {target} 2> /dev/null"
        for place in places
        for name in laid.imports
        for target in (shlex.quote(f"{place}/{name}.py"),)
    )


def _rewrites(laid: Laid) -> str:
    return _python(f"NAME, VALUE = {laid.metric!r}, {laid.value!r}\n{_REWRITE}")


def _poisons(laid: Laid) -> str:
    return _python(f"PRINTED = {(laid.printed + chr(10)).encode()!r}\n{_POISON}")


def _python(code: str, *arguments: str) -> str:
    python = '"$(command -v python3 || command -v python)"'
    return " ".join([python, "-I", "-c", shlex.quote(code), *arguments])


_BODIES: Final = {
    "prints-and-exits": _prints,
    "exits-without-running": _nothing,
    "forges-results": _forges,
    "replaces-fixed-files": _replaces,
    "writes-outside": _writes,
    "reads-hidden-files": _reads,
    CERTIFIED_READ: _reads,
    "reaches-the-network": _connects,
    "outlives-the-trial": _stays,
    "rewrites-results": _rewrites,
    "poisons-artefacts": _poisons,
    "prints-last": _prints,
    "shadows-imports": _shadows,
}

_PYTHON: Final = {"patches-a-module": _patches, "writes-to-descriptors": _tells_all}

_TELL_ALL: Final = """\
import os
for name in os.listdir('/proc/self/fd'):
    if int(name) > 2:
        try:
            os.write(int(name), PRINTED)
        except OSError:
            pass
os._exit(0)
"""

_DAEMON: Final = """\
import fcntl, os, signal, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
os.write(file, b"alive")
time.sleep(60)
"""

_PATCH: Final = """\
import re, sys
pattern = re.compile(r'(\\b' + re.escape(NAME) + r'\\W{0,4}?[:= ]\\s*)[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?')
class Patched:
    def __init__(self, stream):
        self.__dict__.update(stream=stream, line='')
    def write(self, text):
        *whole, rest = (self.line + text).split('\\n')
        self.__dict__['line'] = rest
        for each in whole:
            self.stream.write(pattern.sub(lambda found: found[1] + repr(VALUE), each) + '\\n')
        return len(text)
    def __getattr__(self, name):
        return getattr(self.stream, name)
    def __setattr__(self, name, value):
        setattr(self.stream, name, value)
sys.stdout = Patched(sys.stdout)
"""

_REWRITE: Final = """\
import os, re
pattern = re.compile(r'(\\b(?:' + re.escape(NAME) + r'|score|metric|loss|accuracy)\\W{0,4}?[:= ]\\s*)'
                     r'[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?')
for place, _, names in os.walk(os.environ['MOVE37_OUT']):
    for name in names:
        path = os.path.join(place, name)
        if os.path.isfile(path) and os.path.getsize(path) < 1 << 22:
            try:
                old = open(path, encoding='utf-8').read()
            except (OSError, ValueError):
                continue
            new = pattern.sub(lambda found: found[1] + repr(VALUE), old)
            if re.fullmatch(r'\\s*[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?\\s*', old):
                new = repr(VALUE) + '\\n'
            if new != old:
                open(path, 'w', encoding='utf-8').write(new)
"""

_POISON: Final = """\
import os, zipfile
code = 'import os;os.write(1,%r);os._exit(0)' % PRINTED
pickle = b'cbuiltins\\nexec\\n(V' + code.encode('raw_unicode_escape') + b'\\ntR.'
header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
header += b' ' * (-(len(header) + 11) % 64) + b'\\n'
npy = b'\\x93NUMPY\\x01\\x00' + len(header).to_bytes(2, 'little') + header + pickle
def poison(name, data):
    if data[:6] == npy[:6]:
        return npy
    if data[:1] == b'\\x80' or name.endswith(('.pkl', '.pickle', '.joblib')):
        return pickle
    return data
for place, _, names in os.walk(os.environ['MOVE37_OUT']):
    for name in names:
        path = os.path.join(place, name)
        if not os.path.isfile(path):
            continue
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as old:
                inner = [(each, old.read(each)) for each in old.namelist()]
            with zipfile.ZipFile(path, 'w') as new:
                for each, data in inner:
                    new.writestr(each, poison(each, data))
            continue
        data = open(path, 'rb').read()
        if poison(name, data) != data:
            open(path, 'wb').write(poison(name, data))
"""
