"""The filter's program, interpreted as the kernel does."""

import errno
import struct

import pytest

from move37.sandbox.seccomp import MACHINES, Machine, assemble

ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
REFUSED, UNKNOWN = ERROR | errno.EPERM, ERROR | errno.ENOSYS


def judge(machine: Machine, call: int, *arguments: int, audit: int | None = None) -> int:
    """Run the program on one system call."""
    words = (*arguments, *[0] * (6 - len(arguments)))
    arch = machine.audit if audit is None else audit
    data = struct.pack("=iIQ6Q", call, arch, 0, *(word & (1 << 64) - 1 for word in words))
    program = list(struct.iter_unpack("=HBBI", assemble(machine)))
    at = accumulator = 0
    while True:
        code, yes, no, value = program[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x15:
                at += yes if accumulator == value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case 0x06:
                return value
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


def test_every_denied_call_is_refused_and_the_others_pass(machine: Machine) -> None:
    special = {machine.clone, machine.clone3, machine.ioctl, machine.personality}
    denied = set(machine.denied.values())
    assert not denied & special
    for call in range(500):
        expected = REFUSED if call in denied else UNKNOWN if call == machine.clone3 else ALLOW
        assert judge(machine, call) == expected, call


def test_threads_and_processes_may_be_made_but_no_namespaces(machine: Machine) -> None:
    threads = 0x3D0F00
    assert judge(machine, machine.clone, threads) == ALLOW
    assert judge(machine, machine.clone, 17) == ALLOW
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert judge(machine, machine.clone, threads | namespace) == REFUSED


def test_keys_cannot_be_pushed_into_a_terminal(machine: Machine) -> None:
    tiocsti, tcgets = 0x5412, 0x5401
    assert judge(machine, machine.ioctl, 0, tcgets) == ALLOW
    assert judge(machine, machine.ioctl, 0, tiocsti) == REFUSED
    # The kernel looks at the low half only, so a high half must not hide it.
    assert judge(machine, machine.ioctl, 0, tiocsti | 1 << 32) == REFUSED


def test_modes_may_be_changed_but_not_to_setuid(machine: Machine) -> None:
    for call, position in machine.chmods.items():
        before = [0] * position
        assert judge(machine, call, *before, 0o1777) == ALLOW
        assert judge(machine, call, *before, 0o4755) == REFUSED
        assert judge(machine, call, *before, 0o2755) == REFUSED


def test_personalities_that_weaken_the_address_space_are_refused(machine: Machine) -> None:
    assert judge(machine, machine.personality, 0xFFFFFFFF) == ALLOW
    assert judge(machine, machine.personality, 0x0040000) == REFUSED


def test_calls_of_another_architecture_end_the_program(machine: Machine) -> None:
    assert judge(machine, 1, audit=0x40000003) == KILL


def test_x32_calls_do_not_exist() -> None:
    assert judge(MACHINES["x86_64"], 0x40000000 | 101) == UNKNOWN
