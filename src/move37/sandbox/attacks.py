"""The self-test's program: tries to get out of the fence, and prints what it managed to do.

Runs alone inside the fence (nothing of ours can be imported there). What the host has laid out for
it, and which attacks to try, stands in `laid.json`. Prints one JSON object: for each attack whether
it succeeded. The attacks on mounts are for a namespace of mounts, and never tried without one.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import platform
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Laid = dict[str, Any]

_LIBC = ctypes.CDLL(None, use_errno=True)
_CALLS = {
    "x86_64": {
        "bpf": 321,
        "io_uring_setup": 425,
        "keyctl": 250,
        "open_tree": 428,
        "perf_event_open": 298,
        "process_vm_readv": 310,
        "userfaultfd": 323,
    },
    "aarch64": {
        "bpf": 280,
        "io_uring_setup": 425,
        "keyctl": 219,
        "open_tree": 428,
        "perf_event_open": 241,
        "process_vm_readv": 270,
        "userfaultfd": 282,
    },
}
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_REMOUNT, _MS_BIND = 32, 4096
_PTRACE_TRACEME = 0


def writes_outside(laid: Laid) -> bool:
    """Leave a file anywhere but in the workspace, or change what the system is made of."""
    places = ["/", "/usr", "/usr/bin", "/etc", "/home", "/var/tmp", "/dev", laid["host_directory"]]
    places += [str(Path.cwd().parent), str(Path(sys.executable).parent)]
    return any(_leaves_a_file(Path(place, f".{laid['token']}")) for place in places)


def _leaves_a_file(target: Path) -> bool:
    with contextlib.suppress(OSError):
        target.write_text("")
        target.unlink()
        return True
    return False


def changes_the_kernel(laid: Laid) -> bool:
    """Open a switch of the kernel or a disk for writing."""
    names = (
        "sys/kernel/core_pattern",
        "sys/vm/drop_caches",
        "sysrq-trigger",
        "sys/kernel/hostname",
    )
    return any(_opens_for_writing(Path("/proc", name)) for name in names) or _makes_a_device()


def _opens_for_writing(path: Path) -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY))
        return True
    return False


def _makes_a_device() -> bool:
    with contextlib.suppress(OSError):
        os.mknod("device", 0o060600, os.makedev(7, 0))
        os.close(os.open("device", os.O_RDONLY))
        return True
    return False


def reads_the_host(laid: Laid) -> bool:
    """See the password file, a home directory, or a file that lies outside the workspace."""
    secrets = [laid["host_file"], "/etc/shadow"]
    homes = [laid["home"], "/boot", "/var/log"]
    seen = [_lists(Path(home), laid["granted"]) for home in homes]
    return any(seen) or any(_reads(Path(secret)) for secret in secrets)


def _reads(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return bool(path.read_bytes())
    return False


def _lists(place: Path, granted: list[str]) -> bool:
    """More than what is granted, and the way to it, which may lead through a home directory."""
    way = {parent for path in granted for parent in (Path(path), *Path(path).parents)}
    with contextlib.suppress(OSError):
        return any(found not in way for found in place.iterdir())
    return False


def reaches_the_network(laid: Laid) -> bool:
    """Talk to somebody on this machine: by TCP, or by a socket without a file."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", int(laid["port"])), timeout=2).close()
        return True
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as other:
        other.connect("\0" + laid["token"])
        return True
    return len(socket.if_nameindex()) > 1


def sees_processes(laid: Laid) -> bool:
    """Find a process that runs outside."""
    mark = laid["host_mark"].encode()
    return any(mark in _content(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _content(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def changes_mounts(laid: Laid) -> bool:
    """Mount, unmount, or make namespaces in which it could."""
    tries = (
        lambda: _LIBC.unshare(_CLONE_NEWUSER),
        lambda: _LIBC.unshare(_CLONE_NEWNS),
        lambda: _LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        lambda: _LIBC.mount(None, b"/usr", None, _MS_REMOUNT | _MS_BIND, None),
        lambda: _LIBC.umount2(b"/usr", 2),
        lambda: _LIBC.chroot(b"/tmp"),
        lambda: _syscall("open_tree", -100, b"/usr", 1),
    )
    return any(_in_a_child(attempt) for attempt in tries)


def traces(laid: Laid) -> bool:
    """Become somebody's debugger, or look into another process's memory."""
    there = ctypes.create_string_buffer(8)
    iovec = struct.pack("PP", ctypes.addressof(there), 8)
    return any(
        [
            _in_a_child(lambda: _LIBC.ptrace(_PTRACE_TRACEME, 0, 0, 0)),
            _in_a_child(lambda: _syscall("process_vm_readv", os.getppid(), iovec, 1, iovec, 1, 0)),
        ]
    )


def uses_rare_calls(laid: Laid) -> bool:
    """Reach parts of the kernel that no evaluation needs."""
    rare = {
        "bpf": (0, None, 0),
        "io_uring_setup": (1, None),
        "keyctl": (0, -3, 0),
        "perf_event_open": (None, 0, -1, -1, 0),
        "userfaultfd": (0,),
    }
    return any(_reaches(name, *arguments) for name, arguments in rare.items())


def _reaches(name: str, *arguments: object) -> bool:
    return _syscall(name, *arguments) >= 0 or ctypes.get_errno() not in (
        errno.EPERM,
        errno.ENOSYS,
    )


def becomes_another(laid: Laid) -> bool:
    """Be root, become root, or keep a capability."""
    status = dict(
        line.split(":\t", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":\t" in line
    )
    has_some = any(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd"))
    gains = status["NoNewPrivs"].strip() != "1"
    tries = (lambda: _LIBC.setuid(0), lambda: _LIBC.setresuid(0, 0, 0), lambda: _LIBC.setgid(0))
    return has_some or gains or os.getuid() == 0 or any(_in_a_child(one) for one in tries)


def reads_the_environment(laid: Laid) -> bool:
    """Find a variable of the host's that nobody passed on: here, or in any process in sight."""
    mark = laid["host_variable"].encode()
    return any(mark in _content(path) for path in Path("/proc").glob("[0-9]*/environ"))


def changes_protected_files(laid: Laid) -> bool:
    """Write, remove, rename or replace what it must not; or the directory that it lies in."""
    for attempt in (
        lambda: Path("folder/protected").write_text("changed"),
        lambda: Path("folder/protected").unlink(),
        lambda: Path("folder/protected").rename("elsewhere"),
        lambda: (Path("new").write_text("changed"), Path("new").replace("folder/protected")),
        lambda: (Path("folder").rename("other"), Path("folder").mkdir()),
    ):
        with contextlib.suppress(OSError):
            attempt()
    try:
        return Path("folder/protected").read_text() != laid["token"]
    except OSError:
        return True


def leaves_a_daemon(laid: Laid) -> bool:
    """Leave a process behind that ignores every polite request. The host sees whether it lives."""
    if os.fork():
        os.wait()
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    lock = os.open(Path(os.environ["MOVE37_OUT"], "daemon"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, b"alive")
    time.sleep(600)
    os._exit(0)


def _syscall(name: str, *arguments: object) -> int:
    number = _CALLS[platform.machine()][name]
    return int(_LIBC.syscall(number, *arguments))


def _in_a_child(attempt: Callable[[], int]) -> bool:
    """Whether it succeeds; what it changes dies with the child."""
    child = os.fork()
    if not child:
        os._exit(0 if attempt() >= 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


ATTACKS: dict[str, Callable[[Laid], bool]] = {
    attack.__name__: attack
    for attack in (
        writes_outside,
        changes_the_kernel,
        reads_the_host,
        reaches_the_network,
        sees_processes,
        changes_mounts,
        traces,
        uses_rare_calls,
        becomes_another,
        reads_the_environment,
        changes_protected_files,
        leaves_a_daemon,
    )
}


def main() -> None:
    laid: Laid = json.loads(Path("laid.json").read_bytes())
    json.dump({name: ATTACKS[name](laid) for name in laid["attacks"]}, sys.stdout)
    sys.stdout.flush()
    daemon = Path(os.environ["MOVE37_OUT"], "daemon")
    for _ in range(500):  # until it has taken its lock: only then can its death be seen
        if daemon.exists() and daemon.read_bytes():
            return
        time.sleep(0.01)


if __name__ == "__main__":
    main()
