"""Compiles kernel.c, as build.toml says, to $MOVE37_OUT/kernel.so (or out/). Fixed.

Flags are made from known values alone, so that no build file runs a command.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEYS = {
    "optimise": {"O1": "-O1", "O2": "-O2", "O3": "-O3", "Ofast": "-Ofast"},
    "machine": {"any": "", "native": "-march=native"},
    "unroll_loops": {True: "-funroll-loops", False: ""},
    "omit_frame_pointer": {True: "-fomit-frame-pointer", False: "-fno-omit-frame-pointer"},
}
NO_COMPILER = "this task needs gcc: install it (Debian and Ubuntu: `apt install gcc libc6-dev`) and try again"


def flags(text: str) -> list[str]:
    """The compiler's flags. Ends the program with one sentence when it cannot say."""
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"build.toml: {error}")
    chosen = []
    for key, value in settings.items():
        options = KEYS.get(key)
        if options is None:
            sys.exit(f"build.toml: unknown key {key!r}; the keys are {', '.join(KEYS)}")
        flag = next((flag for known, flag in options.items() if known is value or known == value), None)
        if flag is None:
            sys.exit(f"build.toml: {key} is one of {', '.join(map(repr, options))}, not {value!r}")
        chosen.append(flag)
    return [flag for flag in chosen if flag]


def main() -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        sys.exit(NO_COMPILER)
    out = Path(os.environ.get("MOVE37_OUT", HERE / "out"))
    out.mkdir(parents=True, exist_ok=True)
    chosen = flags((HERE / "build.toml").read_text())
    always = ["-std=gnu11", "-shared", "-fPIC", "-w"]
    command = [compiler, *chosen, *always, "-o", str(out / "kernel.so"), "kernel.c"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "error" in line]
        sys.exit(said[0] if said else f"gcc ended with status {done.returncode}")
    print(" ".join(chosen))


if __name__ == "__main__":
    main()
