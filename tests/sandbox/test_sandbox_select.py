"""Choosing a level, and proving it; what a fenced program sees."""

import os
import select
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

import move37
from move37.core.errors import SandboxError
from move37.core.records import Fence, Launch, Strength
from move37.sandbox import make_sandbox, probe, scratch, selftest
from move37.sandbox.plain import Plain
from move37.sandbox.view import environment, make_view

SOURCES = Path(move37.__file__).parent.parent
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def launch(tmp_path: Path, command: str) -> Launch:
    return Launch(
        command=command,
        workspace=scratch.fresh(tmp_path / "work"),
        out=scratch.fresh(tmp_path / "out"),
    )


@needs_bubblewrap
def test_auto_takes_the_strongest_level_and_says_what_it_proved() -> None:
    strength = probe(Fence())
    assert strength.level == ("A" if os.geteuid() == 0 else "B")
    assert strength.holds == selftest.meaning(selftest.ALL)
    assert "flaws of the kernel itself" in strength.lacks


@needs_bubblewrap
def test_an_explicit_level_is_proved_and_taken() -> None:
    strength = probe(Fence(level="user"))
    assert (strength.level, strength.holds) == ("B", selftest.meaning(selftest.ALL))


def test_plain_is_proved_to_outlive_nothing_and_honest_about_the_rest() -> None:
    strength = probe(Fence(level="plain"))
    assert (strength.level, strength.holds) == ("E", ("outliving the trial",))
    assert any("whatever you can" in lack for lack in strength.lacks)


def test_without_bubblewrap_nothing_falls_to_plain_by_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for level in ("auto", "user"):
        with pytest.raises(
            SandboxError, match=r'install the package `bubblewrap`.*level = "plain"'
        ):
            probe(Fence(level=level))


@needs_bubblewrap
def test_a_bubblewrap_that_does_not_work_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on machines that forbid user namespaces."""
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match=r'No permissions to create namespace.*level = "plain"'):
        probe(Fence())


@needs_bubblewrap
def test_a_fence_with_a_hole_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bubblewrap that silently keeps the network: the attack shows it."""
    real = shutil.which("bwrap")
    leaky = tmp_path / "bwrap"
    leaky.write_text(
        "#!" + sys.executable + "\n"
        "import os, sys\n"
        "fd = int(sys.argv[sys.argv.index('--args') + 1])\n"
        "args = os.read(fd, 1 << 20).replace(b'--unshare-net\\0', b'')\n"
        "os.ftruncate(fd, 0); os.pwrite(fd, args, 0); os.lseek(fd, 0, 0)\n"
        f"os.execv({real!r}, sys.argv)\n"
    )
    leaky.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match="does not prevent reaching the network"):
        probe(Fence(level="user"))


@needs_bubblewrap
def test_a_worker_gets_the_proved_level_without_another_proof(tmp_path: Path) -> None:
    proved = Strength(level="B", name="as proved", holds=("everything",), lacks=())
    sandbox = make_sandbox(Fence(), slot=0, scratch=tmp_path / "own", strength=proved)
    assert sandbox.strength is proved
    assert sandbox.run(launch(tmp_path, "echo hello")).stdout == b"hello\n"


def test_a_level_that_was_not_proved_here_claims_nothing(tmp_path: Path) -> None:
    sandbox = make_sandbox(Fence(level="plain"), slot=0, scratch=tmp_path / "own")
    assert (sandbox.strength.level, sandbox.strength.holds) == ("E", ())


@needs_bubblewrap
@needs_root
def test_slots_run_as_different_users(tmp_path: Path) -> None:
    users = {
        make_sandbox(Fence(level="root"), slot=slot, scratch=tmp_path / "own")
        .run(launch(tmp_path, "id -u"))
        .stdout
        for slot in (0, 1)
    }
    assert users == {b"61000\n", b"61001\n"}


@needs_bubblewrap
@needs_root
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs the system's Python")
def test_an_ordinary_user_gets_a_proved_level_b(tmp_path: Path) -> None:
    """Nothing here needs root: not the fence, not the limits, not the cleaning up."""
    shutil.copytree(SOURCES / "move37", tmp_path / "src" / "move37")
    script = tmp_path / "src" / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import tempfile
            from dataclasses import replace
            from pathlib import Path
            from move37.core.records import Fence, Launch
            from move37.sandbox import make_sandbox, probe, scratch
            print(probe(Fence()).level)
            with tempfile.TemporaryDirectory() as name:
                place = Path(name)
                sandbox = make_sandbox(Fence(level="user"), slot=0, scratch=place / "own")
                work, out = scratch.fresh(place / "work"), scratch.fresh(place / "out")
                launch = Launch(command="true", workspace=work, out=out, memory_bytes=200 << 20)
                def ends(command, **changes):
                    exit = sandbox.run(replace(launch, command=command, **changes))
                    print(exit.ending, exit.code)
                    return exit
                ends("exit 3")
                ends("sleep 60", timeout_seconds=0.2)
                ends("python3 -c 'x = bytearray(10**9); input()'; sleep 60")
                ends("bomb() { bomb | bomb & }; bomb; sleep 60", timeout_seconds=1, memory_bytes=4 << 30)
                ends("mkdir -p a/b; : > a/b/c; chmod 0 a/b a")
                scratch.remove(work)
            """
        )
    )
    (tmp_path / "src").chmod(0o755)
    for directory in tmp_path.resolve().parents[:3]:
        directory.chmod(directory.stat().st_mode | 0o011)
    tmp_path.chmod(0o755)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", script],
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(tmp_path / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    *first, bomb, last = done.stdout.splitlines()
    assert first == ["B", "exited 3", "timeout 9", "memory 9"], done.stderr
    # The shell gives up by itself where it is the one that cannot fork any more.
    assert bomb in ("timeout 9", "exited 2")
    assert last == "exited 0"


@pytest.mark.parametrize(
    "level",
    [
        pytest.param("root", marks=[needs_root, needs_bubblewrap]),
        pytest.param("user", marks=needs_bubblewrap),
    ],
)
def test_a_killed_engine_leaves_nothing_behind(tmp_path: Path, level: str) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from move37.core.records import Fence, Launch\n"
        "from move37.sandbox import make_sandbox, scratch\n"
        "place = Path(sys.argv[1])\n"
        "work, out = scratch.fresh(place / 'work'), scratch.fresh(place / 'out')\n"
        "sandbox = make_sandbox(Fence(level=sys.argv[2]), slot=9, scratch=place / 'own')\n"
        "hold = 'exec 9> $MOVE37_OUT/lock; setsid flock 9 sleep 600 & echo up > $MOVE37_OUT/up; wait'\n"
        "def stop():\n"
        "    if (out / 'up').exists(): print('up', flush=True)\n"
        "    return False\n"
        "sandbox.run(Launch(command=hold, workspace=work, out=out), stop=stop)\n"
    )
    engine = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), level], stdout=subprocess.PIPE, text=True
    )
    with engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "up\n"
        held = _holders(tmp_path / "out" / "lock")
        assert held
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    for pid in held:
        descriptor = os.pidfd_open(pid) if Path(f"/proc/{pid}").exists() else None
        if descriptor is not None:
            select.select([descriptor], [], [], 10)
            os.close(descriptor)
    assert not _holders(tmp_path / "out" / "lock")


def _holders(path: Path) -> list[int]:
    """Processes that have the file open."""
    inode = path.stat().st_ino
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(fd.stat().st_ino == inode for fd in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:
            continue
    return found


class TestView:
    def view(self, tmp_path: Path, *, read: tuple[str, ...] = (), **environ: str) -> set[str]:
        view = make_view(
            Fence(read=read), environ, prefix=tmp_path / "own", base_prefix=Path("/usr")
        )
        return {str(path) for path in view.binds}

    def test_homes_and_the_rest_of_the_system_are_not_shown(self, tmp_path: Path) -> None:
        shown = self.view(tmp_path)
        assert "/usr" in shown
        assert not shown & {"/", "/root", "/home", "/etc", "/var", "/tmp", str(Path.home())}

    def test_an_active_environment_is_shown_alone_and_comes_first(self, tmp_path: Path) -> None:
        base, venv = tmp_path / "base", tmp_path / "repo" / ".venv"
        for root in (base, venv):
            (root / "bin").mkdir(parents=True)
        (base / "lib" / "python3.11").mkdir(parents=True)
        (base / "bin" / "python3").write_text("")
        (tmp_path / "current").symlink_to(base)
        (venv / "pyvenv.cfg").write_text("")
        (venv / "bin" / "python").symlink_to(tmp_path / "current" / "bin" / "python3")
        environ = {"VIRTUAL_ENV": str(venv), "PATH": "/usr/bin"}
        view = make_view(Fence(), environ, prefix=tmp_path / "own", base_prefix=Path("/usr"))
        assert {venv, tmp_path / "current"} <= set(view.binds)
        assert tmp_path / "repo" not in view.binds
        assert view.path.split(":")[0] == str(venv / "bin")

    def test_what_the_user_grants_is_shown(self, tmp_path: Path) -> None:
        (tmp_path / "compiler").mkdir()
        assert str(tmp_path / "compiler") in self.view(tmp_path, read=(str(tmp_path / "compiler"),))

    @pytest.mark.parametrize(
        ("path", "problem"),
        [
            ("compiler", "must be an absolute path"),
            ("/no/such/compiler", "there is no '/no/such/compiler'"),
            ("/", "is too much"),
        ],
    )
    def test_what_cannot_be_granted_is_said(self, tmp_path: Path, path: str, problem: str) -> None:
        with pytest.raises(SandboxError, match=problem):
            self.view(tmp_path, read=(path,))


class TestEnvironment:
    def given(self, fence: Fence, environ: dict[str, str], **env: str) -> dict[str, str]:
        launch = Launch(command="", workspace=Path("w"), out=Path("o"), env=env, cpus=2)
        return environment(launch, fence, environ, path="/bin", out="/out", temporary="/tmp")

    def test_only_named_variables_pass(self) -> None:
        environ = {"ANTHROPIC_API_KEY": "secret", "CUDA_VISIBLE_DEVICES": "0", "LC_ALL": "C"}
        found = self.given(Fence(env=("CUDA_VISIBLE_DEVICES", "NOT_SET")), environ)
        assert (found["CUDA_VISIBLE_DEVICES"], found["LC_ALL"]) == ("0", "C")
        assert not {"ANTHROPIC_API_KEY", "NOT_SET"} & found.keys()

    def test_our_own_names_cannot_be_passed_through(self) -> None:
        with pytest.raises(SandboxError, match="'MOVE37_SEED' cannot be passed through"):
            self.given(Fence(env=("MOVE37_SEED",)), {})

    def test_out_is_where_we_say(self) -> None:
        assert self.given(Fence(), {}, MOVE37_OUT="/elsewhere")["MOVE37_OUT"] == "/out"

    def test_each_program_gets_as_many_threads_as_cpus(self) -> None:
        found = self.given(Fence(), {"OMP_NUM_THREADS": "64"})
        assert found["OMP_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == "2"

    def test_a_seed_that_is_none_gives_a_fixed_hash(self) -> None:
        assert self.given(Fence(), {}, MOVE37_SEED="-3")["PYTHONHASHSEED"] == "0"
        assert self.given(Fence(), {}, MOVE37_SEED="12")["PYTHONHASHSEED"] == "12"


def test_a_program_of_another_thread_of_ours_is_left_alone(tmp_path: Path) -> None:
    """Plain ends its own tree only, not what this process had started before."""
    other = subprocess.Popen(["sleep", "600"])
    sandbox = make_sandbox(Fence(level="plain"), slot=0, scratch=tmp_path / "own")
    assert isinstance(sandbox, Plain)
    exit = sandbox.run(replace(launch(tmp_path, "sleep 600"), timeout_seconds=0.1))
    assert exit.ending == "timeout"
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_path_to_protect_must_lie_in_the_workspace(tmp_path: Path) -> None:
    sandbox = make_sandbox(Fence(level="plain"), slot=0, scratch=tmp_path / "own")
    with pytest.raises(SandboxError, match=r"'\.\./x' is not a path inside the workspace"):
        sandbox.run(replace(launch(tmp_path, "true"), protect=("../x",)))
