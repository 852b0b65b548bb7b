"""Every level keeps the contract: with limits kept by the kernel, and with limits watched."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from move37.core.protocols import Sandbox
from move37.core.records import Fence, Launch, Strength
from move37.sandbox import scratch, selftest
from move37.sandbox.apart import Apart
from move37.sandbox.bubblewrap import Bubblewrap
from move37.sandbox.cgroup import Group, make_group
from move37.sandbox.plain import Plain
from move37.sandbox.select import make_sandbox
from move37.sandbox.view import make_view
from move37.testing.sandbox import FenceContract, SandboxContract, Trial

UNPROVED = Strength(level="E", name="under test", holds=(), lacks=())


def no_group(name: str) -> Group | None:
    return None


def kernel_group(name: str) -> Group | None:
    group = make_group(name)
    if group is None:
        pytest.skip("control groups are not writable here")
    return group


@pytest.fixture(params=[kernel_group, no_group], ids=["limited", "watched"])
def group(request: pytest.FixtureRequest) -> object:
    return request.param


def bubblewrap(
    level: Literal["root", "user"],
    directory: Path,
    group: object,
    *,
    read: tuple[str, ...] = (),
) -> Sandbox:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    if level == "root" and os.geteuid() != 0:
        pytest.skip("level A is for root")
    make = kernel_group if group is kernel_group else no_group
    directory.mkdir()
    return Bubblewrap(
        Fence(read=read),
        level=level,
        slot=3,
        scratch=directory,
        environ=os.environ,
        strength=UNPROVED,
        group=make,
    )


class Removes:
    def remove(self, directory: Path) -> None:
        scratch.remove(directory)


class TestRoot(Removes, FenceContract):
    @pytest.fixture
    def sandbox(self, tmp_path: Path, group: object) -> Sandbox:
        return bubblewrap("root", tmp_path / "own", group)


class TestUser(Removes, FenceContract):
    @pytest.fixture
    def sandbox(self, tmp_path: Path, group: object) -> Sandbox:
        return bubblewrap("user", tmp_path / "own", group)


class TestPlain(Removes, SandboxContract):
    @pytest.fixture
    def sandbox(self, tmp_path: Path, group: object) -> Sandbox:
        (tmp_path / "own").mkdir()
        return Plain(
            Fence(),
            slot=3,
            scratch=tmp_path / "own",
            environ=os.environ,
            strength=UNPROVED,
            group=kernel_group if group is kernel_group else no_group,
        )


@pytest.mark.slow
class TestApart(Removes, SandboxContract):
    @pytest.fixture
    def sandbox(self, tmp_path: Path) -> Sandbox:
        make = partial(make_sandbox, Fence(level="plain"), slot=4, scratch=tmp_path / "own")
        return Apart(make, strength=UNPROVED)

    def test_children_of_the_caller_are_left_alone(self, trial: Trial) -> None:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
            started: list[subprocess.Popen[bytes]] = []

            def stop() -> bool:
                if not started:
                    started.append(subprocess.Popen(["cat"], stdin=subprocess.PIPE))
                return False

            trial.run("sleep 0.5", stop=stop)
            assert [each.poll() for each in (other, *started)] == [None, None]
            for each in started:
                each.communicate()


def test_what_watches_imports_nothing_from_where_move37_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('a file of the task')")
    for name in ("work", "out"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    make = partial(make_sandbox, Fence(level="plain"), slot=4, scratch=tmp_path / "own")
    launch = Launch(command="exit 3", workspace=tmp_path / "work", out=tmp_path / "out")
    assert Apart(make, strength=UNPROVED).run(launch).code == 3


@pytest.mark.parametrize("level", ["root", "user"])
def test_with_the_network_every_other_attack_comes_to_nothing_all_the_same(
    level: Literal["root", "user"], tmp_path: Path
) -> None:
    sandbox = bubblewrap(level, tmp_path / "own", no_group)
    view = make_view(
        Fence(), os.environ, prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix)
    )
    proof = selftest.attack(
        sandbox, tmp_path, attacks=selftest.ALL, granted=view.binds, network=True
    )
    assert proof.broken == ("reaches_the_network",)


@pytest.mark.parametrize("level", ["root", "user"])
def test_what_is_shown_may_lie_below_tmp(level: Literal["root", "user"], tmp_path: Path) -> None:
    """A clone of move37, with its Python, is often made there."""
    given = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        given.chmod(0o755)
        (given / "tool").write_text("it is here\n")
        sandbox = bubblewrap(level, tmp_path / "own", no_group, read=(str(given),))
        for name in ("work", "out"):
            (tmp_path / name).mkdir()
        exit = sandbox.run(
            Launch(
                command=f"cat {given}/tool && touch /tmp/mine && ls /tmp",
                workspace=tmp_path / "work",
                out=tmp_path / "out",
                timeout_seconds=60,
            )
        )
        shown = exit.stdout.decode()
        assert shown.startswith("it is here\n"), exit.stderr
        assert "mine" in shown.split()
        assert not Path("/tmp/mine").exists()
    finally:
        shutil.rmtree(given)
        scratch.remove(tmp_path / "work")
        scratch.remove(tmp_path / "out")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can put a file into /etc")
@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("level", ["root", "user"])
def test_what_is_shown_may_lie_below_etc(
    level: Literal["root", "user"], network: bool, tmp_path: Path
) -> None:
    given = Path(tempfile.mkdtemp(dir="/etc", prefix="move37-test-"))
    try:
        given.chmod(0o755)
        (given / "licence").write_text("it is here\n")
        sandbox = bubblewrap(level, tmp_path / "own", no_group, read=(str(given),))
        for name in ("work", "out"):
            (tmp_path / name).mkdir()
        exit = sandbox.run(
            Launch(
                command=f"cat {given}/licence",
                workspace=tmp_path / "work",
                out=tmp_path / "out",
                timeout_seconds=60,
                network=network,
            )
        )
        assert exit.stdout == b"it is here\n", exit.stderr
    finally:
        shutil.rmtree(given)
        scratch.remove(tmp_path / "work")
        scratch.remove(tmp_path / "out")


def test_what_starts_a_quick_program_is_not_in_its_memory(tmp_path: Path) -> None:
    """For the kernel a child begins as a copy of its parent."""
    ours = bytearray(b"x") * (300 * 1024**2)
    for name in ("work", "out"):
        (tmp_path / name).mkdir()
    sandbox = make_sandbox(Fence(level="plain"), slot=4, scratch=tmp_path / "own")
    exit = sandbox.run(Launch(command="true", workspace=tmp_path / "work", out=tmp_path / "out"))
    assert exit.ending == "exited"
    assert 0 < exit.peak_memory_bytes < len(ours) / 4
