"""Shuts a process in before it runs code that nobody has read. Fixed; the same file in several tasks.

`judge` is for the judge, before it starts a child: the child can then not look into it. `shut_in` is for the
child, before it loads the code: from then on it reads what is named, writes nothing but its open pipes,
starts no process or thread, and signals nobody outside. It does not limit what the child computes.
"""

import ctypes
import os
import resource
import signal

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIR = 1 << 2, 1 << 3

_LIBC = ctypes.CDLL(None, use_errno=True)


def judge() -> None:
    """Let no process of the same user read this one's memory, environment or open files."""
    _LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def shut_in(readable: list[str], listable: str = "") -> bool:
    """Shut this process in. Return whether the kernel keeps it from files that are not `readable`.

    listable: a directory whose names may be listed, as an import does.
    """
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    _LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return _landlock(readable, listable)


def _landlock(readable: list[str], listable: str) -> bool:
    """Files by the kernel's Landlock (Linux 5.13): what is not allowed here is refused."""

    class Ruleset(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("files", "ports", "scoped")]

    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed", ctypes.c_uint64), ("directory", ctypes.c_int32)]

    version = _LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    files = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # rights that it knows
    attributes = Ruleset((1 << files) - 1, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _LIBC.syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if rules < 0:
        return False
    for path in [*readable, *filter(None, [listable])]:
        if os.path.exists(path):
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            right = READ_FILE | (READ_DIR if os.path.isdir(path) else 0)
            right = READ_DIR if path == listable else right
            _LIBC.syscall(ADD_RULE, rules, 1, ctypes.byref(Beneath(right, place)), 0)
            os.close(place)
    restricted = _LIBC.syscall(RESTRICT_SELF, rules, 0) == 0
    os.close(rules)
    return restricted
