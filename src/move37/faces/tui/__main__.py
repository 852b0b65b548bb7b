"""`python -m move37.faces.tui`: the screen in a process of its own. People write `move37 watch`."""

import argparse
import os
import sys
from pathlib import Path

from move37.core.errors import Move37Error


def main() -> int:
    """Watch until the person leaves. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="move37 watch")
    parser.add_argument("--root", type=Path, required=True)
    asked = parser.parse_args()
    # Our matrices are small: threads would spin longer than they compute, beside busy workers.
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        watch(asked.root)
    except Move37Error as error:
        sys.stderr.write(f"move37: {error}\n")
        return 2
    return 0


def watch(root: Path) -> None:
    """Raises a `Move37Error` where there is no terminal, no Textual or no study."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Move37Error("`watch` draws on a terminal; `move37 status` tells the same in a pipe")
    from move37 import app

    root = app.find_root(root)
    if not (root / app.STUDY).is_dir():
        raise Move37Error(f"there is no study in {root}; `move37 run` begins one")
    try:
        from move37.faces.tui.watch import Watch
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise Move37Error("`watch` needs Textual; `pip install move37[watch]`") from error
    from move37.faces.tui.dress import dress_here

    # The screen is drawn on standard error where that is the terminal.
    Watch(root, dress_here(sys.stdout.encoding)).run()


if __name__ == "__main__":
    sys.exit(main())
