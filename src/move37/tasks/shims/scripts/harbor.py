"""Stands in for the container of a Harbor task: lays out what its Dockerfile says, and runs its tests.

    python harbor.py STEPS...                 judge the candidate in $MOVE37_CANDIDATE, and print its reward
    python harbor.py --as TOOL ARGUMENTS...   stand in for pip, uv, uvx, apt-get, curl or pytest

Steps, in the order of the Dockerfile: `--workdir PLACE`, `--copy SOURCE PLACE`, `--env NAME VALUE`,
`--run LINE COMMAND`, `--package LINE NAME` (a Python package that has to be there).

The sandbox gives empty directories at the absolute paths that are used. There is no network: what the
tests install has to be there, and a stand-in says so or says what is missing. Imports nothing but the
standard library. Tests run the program where its reward is written, as they do in Harbor: it could write
that itself.
"""

import importlib.metadata
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

_ENVIRONMENT = "environment"
_NEW = "container"
"""What a candidate adds below `environment/container/` lies in the container at that absolute path."""
_DOCKERFILE = "environment/Dockerfile"
_TESTS, _LOGS = "/tests", "/logs/verifier"
_LENGTHS = {"--workdir": 1, "--copy": 2, "--env": 2, "--run": 2, "--package": 2}
_TOOLS = ("python", "python3", "pytest", "pip", "pip3", "uv", "uvx", "apt", "apt-get", "curl")
_STATE = "MOVE37_HARBOR"
"""Where stand-ins note what was missing."""
_UNCHECKED = re.compile(r"lib.*|.*-dev|fonts-.*|locales.*|tzdata|ca-certificates|software-properties-common")
"""Debian packages of which no program tells that they are there."""
_PROGRAMS = {
    "build-essential": "gcc",
    "python3-pip": "python3",
    "python3-venv": "python3",
    "python-is-python3": "python3",
    "python3-pytest": "pytest",
    "coreutils": "ls",
    "procps": "ps",
    "gnupg": "gpg",
    "nodejs": "node",
    "golang": "go",
    "golang-go": "go",
    "default-jdk": "javac",
    "xz-utils": "xz",
    "util-linux": "setsid",
    "findutils": "find",
    "iproute2": "ip",
    "openssh-client": "ssh",
}


def main():
    if sys.argv[1:2] == ["--as"]:
        return _stand_in(sys.argv[2], sys.argv[3:])
    candidate = os.environ.get("MOVE37_CANDIDATE", ".")
    steps = list(_steps(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as state:
        env = _environment(state)
        place = "/"
        for step, values in steps:
            if step == "--workdir":
                place = _make(os.path.join(place, values[0]))
            elif step == "--copy":
                _copy(candidate, *values)
            elif step == "--env":
                env[values[0]] = _expanded(values[1], env)
            elif step == "--run":
                _run(*values, place, env)
            else:
                _need_package(*values)
        added = os.path.join(candidate, _ENVIRONMENT, _NEW)
        if os.path.isdir(added):
            _merge(added, "/")
        _judge(place, env, state)


def _steps(words):
    while words:
        count = _LENGTHS.get(words[0])
        if count is None or len(words) <= count:
            _fail("harbor.py does not know the step %r; known: %s" % (words[0], ", ".join(_LENGTHS)))
        yield words[0], words[1 : 1 + count]
        words = words[1 + count :]


# --- the container --------------------------------------------------------------------------------


def _environment(state):
    """What programs find in the container: our stand-ins come first on the path."""
    programs = _make(os.path.join(state, "bin"))
    for tool in _TOOLS:
        path = os.path.join(programs, tool)
        words = [sys.executable]
        words += [] if tool.startswith("python") else [os.path.abspath(__file__), "--as", tool]
        with open(path, "w") as file:
            file.write('#!/bin/sh\nexec %s "$@"\n' % shlex.join(words))
        os.chmod(path, 0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOVE37_")}
    for ours in ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONNOUSERSITE"):
        env.pop(ours, None)
    home = "/root" if os.access("/root", os.W_OK) else _make(os.path.join(state, "home"))
    for script in (".local/bin/env", ".cargo/env"):
        _make(os.path.dirname(os.path.join(home, script)))
        open(os.path.join(home, script), "w").close()
    env.update(HOME=home, PATH=programs + ":" + env.get("PATH", ""), DEBIAN_FRONTEND="noninteractive")
    env[_STATE] = state
    return env


def _copy(candidate, source, place):
    """As COPY does: the content of a directory, or a file into a directory or under a name."""
    # What may change is the candidate's; the rest lies in the workspace.
    found = [os.path.join(top, _ENVIRONMENT, source) for top in (".", candidate)]
    found = [path for path in found if os.path.lexists(path)]
    if not found:
        _fail("%s copies %s, which is not in %s/" % (_DOCKERFILE, source, _ENVIRONMENT))
    for path in found:
        if os.path.isdir(path):
            _merge(path, place)
        else:
            into = place.endswith("/") or os.path.isdir(place)
            target = os.path.join(place, os.path.basename(source)) if into else place
            _make(os.path.dirname(target))
            shutil.copy(path, target)


def _merge(source, place):
    for top, _, files in os.walk(source):
        target = _make(os.path.join(place, os.path.relpath(top, source)))
        for name in files:
            shutil.copy(os.path.join(top, name), os.path.join(target, name))


def _run(line, command, place, env):
    # The directories at the root are there before: no mkdir fails for that.
    script = 'mkdir() { command mkdir -p "$@"; }\n' + command
    done = subprocess.run(["/bin/sh", "-c", script], cwd=place, env=env, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        _fail(
            "%s, line %s: `%s` does not work without a container%s"
            % (_DOCKERFILE, line, command, ": " + said[-1] if said else "")
        )


def _need_package(line, name):
    if not _has_package(name):
        _fail(
            "%s, line %s: installs the Python package %s, which %s does not have; install it there, or in "
            ".venv/ beside task.toml" % (_DOCKERFILE, line, name, sys.executable)
        )


def _has_package(name):
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _expanded(text, env):
    return re.sub(r"\$\{?(\w+)\}?", lambda found: env.get(found[1], ""), text)


# --- the verifier ---------------------------------------------------------------------------------


def _judge(place, env, state):
    """Run the tests as Harbor does, and print the reward that they leave."""
    for own in (_TESTS, _LOGS):  # nothing that is there already is a test, or a reward
        _empty(_make(own))
    _merge("tests", _TESTS)
    script = os.path.join(_TESTS, "test.sh")
    with open(script, "rb") as file:
        shell = [] if file.read(2) == b"#!" else ["bash"]
    os.chmod(script, 0o755)
    # Their output explains a failure; the reward is in a file, and only we print to standard output.
    done = subprocess.run([*shell, script], cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    rewards = _rewards()
    missing = _read(os.path.join(state, "missing")).strip().splitlines()
    if missing and (rewards is None or rewards["reward"] < 1):
        _fail(missing[0])
    if rewards is None:
        _fail("tests/test.sh left no reward in %s (it ended with %d)" % (_LOGS, done.returncode))
    print(json.dumps(rewards))


def _rewards():
    """The numbers that the tests left, one of them called `reward`; `None` where there are none."""
    text = _read(os.path.join(_LOGS, "reward.json"))
    if text.strip():
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            _fail("reward.json of the tests is no JSON: " + text.strip()[:100])
        numbers = {key: value for key, value in said.items() if _is_number(value)} if isinstance(said, dict) else {}
        if len(numbers) == 1:
            numbers["reward"] = next(iter(numbers.values()))
        if "reward" not in numbers:
            _fail("reward.json of the tests has %s, and nothing called reward" % (", ".join(numbers) or "no number"))
        return numbers
    text = _read(os.path.join(_LOGS, "reward.txt")).strip()
    if not text:
        return None
    try:
        return {"reward": float(text)}
    except ValueError:
        return _fail("reward.txt of the tests holds no number: " + text[:100])


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# --- stand-ins for what would need the network ----------------------------------------------------


def _stand_in(tool, words):
    if tool == "pytest":
        _pytest(words)
    elif tool in ("pip", "pip3"):
        _pip(words)
    elif tool == "uv":
        _uv(words)
    elif tool == "uvx":
        _uvx(words)
    elif tool in ("apt", "apt-get"):
        _apt(words)
    else:
        _curl(words)


def _pytest(words):
    """pytest of this Python, without the report that only its plugin can write."""
    if not _has_package("pytest"):
        _miss("the tests need pytest, which %s does not have" % sys.executable)
    if not _has_package("pytest-json-ctrf"):
        words = list(_without(words, "--ctrf"))
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *words])


def _without(words, option):
    rest = iter(words)
    for word in rest:
        if word == option:
            next(rest, None)
        elif not word.startswith(option + "="):
            yield word


def _pip(words):
    if words[:1] != ["install"]:
        os.execv(sys.executable, [sys.executable, "-m", "pip", *words])
    _need_all(words[1:])


_TAKES_VALUE = ("-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t",
                "--target", "--python", "-p", "--find-links", "-f", "--platform", "--timeout", "--retries")


def _need_all(words):
    rest = iter(words)
    for word in rest:
        if word in ("-r", "--requirement"):
            for line in _read(next(rest, "")).splitlines():
                _need_one(line.split("#")[0].strip())
        elif word in _TAKES_VALUE:
            next(rest, None)
        else:
            _need_one(word)


def _need_one(word):
    """A report of the test runner is no reason to fail: see `_pytest`."""
    name = re.match(r"[A-Za-z0-9][\w.-]*", word)
    if name is None or name[0] in ("pip", "uv", "pytest-json-ctrf") or _has_package(name[0]):
        return
    _miss("tests/test.sh installs %s, which %s does not have" % (name[0], sys.executable))


def _uv(words):
    if words[:2] == ["pip", "install"]:
        _need_all(words[2:])
    elif words[:1] == ["add"]:
        _need_all(words[1:])
    elif words[:1] == ["venv"]:
        place = next((word for word in words[1:] if not word.startswith("-")), ".venv")
        open(os.path.join(_make(os.path.join(place, "bin")), "activate"), "w").close()
    elif words[:2] == ["tool", "run"]:
        _uvx(words[2:])
    elif words[:1] == ["run"]:
        _uvx(words[1:])
    elif words[:1] not in (["init"], ["sync"]):
        _miss("tests/test.sh runs uv %s, which needs the network" % " ".join(words[:1]))


def _uvx(words):
    """`uvx -p 3.13 -w pytest==8.4.1 pytest /tests`: the packages have to be there, the rest is run."""
    while words and words[0].startswith("-"):
        option, _, value = words[0].partition("=")
        takes = option in ("-w", "--with", "-p", "--python", "--from", "--extra", "--group")
        if takes and not value:
            value, words = (words[1] if len(words) > 1 else ""), words[1:]
        if option in ("-w", "--with", "--from"):
            for each in value.split(","):
                _need_one(each)
        words = words[1:]
    if not words:
        return
    name = words[0].partition("@")[0].partition("==")[0]
    if name == "pytest":
        _pytest(words[1:])
    elif name in ("python", "python3"):
        os.execv(sys.executable, [sys.executable, *words[1:]])
    beside = os.path.join(os.path.dirname(sys.executable), name)
    program = beside if os.path.exists(beside) else shutil.which(name)
    if program is None:
        _miss("tests/test.sh runs %s, which is not installed beside %s" % (name, sys.executable))
    os.execv(program, [program, *words[1:]])


def _apt(words):
    if "install" not in words:
        return
    for word in words[words.index("install") + 1 :]:
        name = word.partition("=")[0]
        program = _PROGRAMS.get(name, name)
        if not name.startswith("-") and not _UNCHECKED.fullmatch(name) and shutil.which(program) is None:
            _miss("tests/test.sh installs %s, which is not on this machine" % name)


def _curl(words):
    """Fetches the installer of uv, which is here already: an empty script."""
    if not any("astral.sh/uv" in word for word in words):
        _miss("tests/test.sh fetches %s, and there is no network in the sandbox" % (words[-1:] or [""])[0])


def _miss(what):
    what += "; install it there, or write move37.toml with a command that measures here"
    state = os.environ.get(_STATE)
    if state:
        with open(os.path.join(state, "missing"), "a") as file:
            file.write(what + "\n")
    _fail(what)


# --- little helpers -------------------------------------------------------------------------------


def _make(place):
    os.makedirs(place, exist_ok=True)
    return place


def _empty(place):
    for entry in os.scandir(place):
        shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.remove(entry.path)


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _fail(reason):
    sys.stderr.write(reason + "\n")
    sys.stderr.flush()
    sys.exit(1)


if __name__ == "__main__":
    main()
