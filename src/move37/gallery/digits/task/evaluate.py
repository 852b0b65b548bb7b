"""Trains a model and predicts every image that has no label. Fixed."""

import os
import sys
import sysconfig

import numpy as np

import prepare

NO_BUSINESS = (
    *("ctypes.dlopen", "ctypes.dlsym", "gc.get_objects", "gc.get_referrers", "os.exec", "os.fork"),
    *("os.forkpty", "os.link", "os.posix_spawn", "os.rename", "os.spawn", "os.symlink", "os.system"),
    *("socket.__new__", "sqlite3.connect", "subprocess.Popen"),
)
"""What no model needs to do, by the names of Python's audit events."""


def fence_in() -> None:
    """From here on this process reads Python's library, numpy and this directory, and nothing else.

    The digits lie in a package that other programs use, with all their labels. This stops a model from
    looking there in any ordinary way. Against one that wants to break out it is no wall.
    """
    roots = (
        f"{sysconfig.get_paths()['stdlib']}{os.sep}",
        f"{os.path.dirname(os.__file__)}{os.sep}",
        f"{os.path.dirname(np.__file__)}{os.sep}",
        f"{prepare.HERE}{os.sep}",
        f"{prepare.OUT.resolve()}{os.sep}",
        f"{os.environ.get('TMPDIR', '/tmp')}{os.sep}",
    )
    elsewhere = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
    numpys = roots[2]

    def refuse(event: str, arguments: tuple) -> None:
        if event in NO_BUSINESS:
            raise PermissionError(f"a model needs no {event}")
        if event != "open" or isinstance(arguments[0], int):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith(numpys) or path == os.devnull:
            return
        if not path.startswith(roots) or any(part in path for part in elsewhere):
            raise PermissionError(f"a model opens no file such as {path}")

    sys.addaudithook(refuse)


def main() -> None:
    seed = int(os.environ.get("MOVE37_SEED") or 0)
    x, y, unlabelled = (
        np.load(prepare.DATA / f"{name}.npy")
        for name in ("labelled_x", "labelled_y", "unlabelled_x")
    )
    fence_in()
    import model

    scale = 1 / 16  # to values from 0 to 1
    rng = np.random.default_rng(seed)
    p = model.predict(x * scale, y.astype(int), unlabelled * scale, rng)
    prepare.save(p)


if __name__ == "__main__":
    main()
