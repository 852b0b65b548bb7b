"""The system calls that no evaluation needs and many escapes do, as a classic-BPF program.

A deny list: ordinary Python, compilers and interpreters work unchanged. It comes on top of the
namespaces and never instead of them. Assembled by hand (seccomp(2), bpf(2)), so that no library is
needed; checked against the kernel by the self-test.
"""

import errno
import os
import platform
import struct
from dataclasses import dataclass, field
from typing import Final

from move37.core.errors import SandboxError

# Instructions of classic BPF that are used here, and where seccomp_data holds what.
_LOAD: Final = 0x20  # A = data[k]
_JUMP_EQUAL: Final = 0x15
_JUMP_AT_LEAST: Final = 0x35
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_NUMBER, _ARCH = 0, 4

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERROR: Final = 0x00050000

_X32: Final = 0x40000000

_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_SETUID_SETGID: Final = 0o6000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_ORDINARY_PERSONALITIES: Final = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

# Numbers from the kernel's tables; since 2019 both machines share the numbers of new calls.
_COMMON: Final = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "open_tree_attr": 467,
}

_DENIED_X86_64: Final = {
    "ptrace": 101,
    "syslog": 103,
    "uselib": 134,
    "vhangup": 153,
    "modify_ldt": 154,
    "pivot_root": 155,
    "_sysctl": 156,
    "adjtimex": 159,
    "chroot": 161,
    "acct": 163,
    "settimeofday": 164,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "sethostname": 170,
    "setdomainname": 171,
    "iopl": 172,
    "ioperm": 173,
    "create_module": 174,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "nfsservctl": 180,
    "lookup_dcookie": 212,
    "clock_settime": 227,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "migrate_pages": 256,
    "unshare": 272,
    "move_pages": 279,
    "perf_event_open": 298,
    "fanotify_init": 300,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "clock_adjtime": 305,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}

_DENIED_AARCH64: Final = {
    "lookup_dcookie": 18,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "nfsservctl": 42,
    "chroot": 51,
    "vhangup": 58,
    "quotactl": 60,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "clock_settime": 112,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "sethostname": 161,
    "setdomainname": 162,
    "settimeofday": 170,
    "adjtimex": 171,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "migrate_pages": 238,
    "move_pages": 239,
    "perf_event_open": 241,
    "fanotify_init": 262,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "clock_adjtime": 266,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What differs between processors: their audit number and the numbers of their calls."""

    audit: int
    denied: dict[str, int]
    clone: int
    clone3: int
    ioctl: int
    personality: int
    chmods: dict[int, int]
    """Calls that change a mode, and the position of the mode among their arguments."""
    has_x32: bool = False


MACHINES: Final = {
    "x86_64": Machine(
        audit=0xC000003E,
        denied=_DENIED_X86_64 | _COMMON,
        clone=56,
        clone3=435,
        ioctl=16,
        personality=135,
        chmods={90: 1, 91: 1, 268: 2, 452: 2},
        has_x32=True,
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        denied=_DENIED_AARCH64 | _COMMON,
        clone=220,
        clone3=435,
        ioctl=29,
        personality=92,
        chmods={52: 1, 53: 2, 452: 2},
    ),
}


@dataclass(slots=True)
class _Assembler:
    code: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])

    def load(self, offset: int) -> None:
        self.code.append((_LOAD, 0, 0, offset))

    def load_argument(self, index: int) -> None:
        """The low half: the kernel cuts the arguments that are compared here to 32 bits too."""
        self.load(16 + 8 * index)

    def answer(self, value: int) -> None:
        self.code.append((_RETURN, 0, 0, value))

    def fail(self, error: int) -> None:
        self.answer(_ERROR | error)

    def when(self, jump: int, value: int, error: int) -> None:
        """If A compares so, the call fails."""
        self.code.append((jump, 0, 1, value))
        self.fail(error)

    def only_for(self, call: int, instructions: int) -> None:
        """Skip the next instructions for every other call."""
        self.code.append((_JUMP_EQUAL, 0, instructions, call))


def assemble(machine: Machine) -> bytes:
    """The filter for one processor: `struct sock_filter[]`, as `bwrap --seccomp` reads it."""
    out = _Assembler()
    out.load(_ARCH)
    out.code.append((_JUMP_EQUAL, 1, 0, machine.audit))
    out.answer(_KILL)
    out.load(_NUMBER)
    if machine.has_x32:
        out.when(_JUMP_AT_LEAST, _X32, errno.ENOSYS)
    for call in sorted(machine.denied.values()):
        out.when(_JUMP_EQUAL, call, errno.EPERM)
    # Its flags lie in memory, where a filter cannot look: libc then falls back to clone.
    out.when(_JUMP_EQUAL, machine.clone3, errno.ENOSYS)
    out.only_for(machine.clone, 4)
    out.load_argument(0)
    out.when(_JUMP_ANY_BIT, _NEW_NAMESPACES, errno.EPERM)
    out.answer(_ALLOW)
    out.only_for(machine.ioctl, 6)
    out.load_argument(1)
    out.when(_JUMP_EQUAL, _TIOCSTI, errno.EPERM)
    out.when(_JUMP_EQUAL, _TIOCLINUX, errno.EPERM)
    out.answer(_ALLOW)
    out.only_for(machine.personality, 2 + 2 * len(_ORDINARY_PERSONALITIES))
    out.load_argument(0)
    for personality in _ORDINARY_PERSONALITIES:
        out.code.append((_JUMP_EQUAL, 0, 1, personality))
        out.answer(_ALLOW)
    out.fail(errno.EPERM)
    for call, position in machine.chmods.items():
        out.only_for(call, 4)
        out.load_argument(position)
        out.when(_JUMP_ANY_BIT, _SETUID_SETGID, errno.EPERM)
        out.answer(_ALLOW)
    out.answer(_ALLOW)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in out.code)


def here() -> bytes:
    """The filter for this machine. Raises `SandboxError` on a processor it was not written for."""
    name = platform.machine()
    if name not in MACHINES:
        raise SandboxError(
            f"there is no system-call filter for {name!r} processors yet, only for "
            f'{", ".join(MACHINES)}; write `level = "plain"` under [sandbox] to run without a fence'
        )
    return assemble(MACHINES[name])


def as_file(data: bytes, name: str) -> int:
    """A descriptor from which the data can be read once, by whoever inherits it."""
    descriptor = os.memfd_create(name)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
