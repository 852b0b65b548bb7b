"""What every sandbox promises, shown by programs that try to break it.

Subclass `SandboxContract` with a `sandbox` fixture; a fence that hides the host subclasses
`FenceContract` as well. Every program here is run for real.
"""

import fcntl
import os
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from move37.core.protocols import Sandbox
from move37.core.records import Exit, Launch, Mount

MB = 1024**2

DAEMON = """
import fcntl, os, signal, sys, time
if os.fork():
    while not (os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])):
        time.sleep(0.005)
    print("left one behind", flush=True)
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
os.write(lock, b"alive")
time.sleep(600)
"""
"""Leaves a process in a session of its own, which keeps the output open and a lock on a file."""


def python(source: str, *arguments: str) -> str:
    """A command that runs this source with the interpreter that runs the tests."""
    return shlex.join([sys.executable, "-I", "-c", source, *arguments])


CALL = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as other:
    other.sendall(b"good morning")
"""


def port(server: socket.socket) -> str:
    return str(server.getsockname()[1])


def is_locked(path: Path) -> bool:
    """Whether the process that took the lock still lives."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Where the programs of one test run."""

    sandbox: Sandbox
    workspace: Path
    out: Path

    def launch(self, command: str) -> Launch:
        return Launch(
            command=command,
            workspace=self.workspace,
            out=self.out,
            timeout_seconds=60,
            memory_bytes=1024 * MB,
            disk_bytes=1024 * MB,
        )

    def run(self, command: str, *, stop: Callable[[], bool] = lambda: False) -> Exit:
        return self.sandbox.run(self.launch(command), stop=stop)

    def file(self, path: str, content: str = "as it was") -> Path:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return target


class SandboxContract:
    """Every sandbox: exits, output, limits, and that nothing outlives the trial."""

    @pytest.fixture
    def sandbox(self, tmp_path: Path) -> Sandbox:
        raise NotImplementedError("a subclass says which sandbox keeps the contract")

    @pytest.fixture
    def trial(self, sandbox: Sandbox, tmp_path: Path) -> Iterator[Trial]:
        for name in ("work", "out"):
            (tmp_path / "trial" / name).mkdir(parents=True)
        yield Trial(sandbox=sandbox, workspace=tmp_path / "trial/work", out=tmp_path / "trial/out")
        self.remove(tmp_path / "trial")
        assert not (tmp_path / "trial").exists(), "whatever a program leaves can be removed"

    def remove(self, directory: Path) -> None:
        """However one removes what the programs of this sandbox have left."""
        shutil.rmtree(directory)

    # --- how it ends ---------------------------------------------------------------------------

    @pytest.mark.parametrize("code", [0, 1, 3, 126])
    def test_an_exit_status_is_told_as_it_is(self, trial: Trial, code: int) -> None:
        exit = trial.run(f"exit {code}")
        assert (exit.ending, exit.code) == ("exited", code)

    def test_a_command_that_does_not_exist_fails_with_127_and_says_so(self, trial: Trial) -> None:
        exit = trial.run("no-such-command")
        assert (exit.ending, exit.code) == ("exited", 127)
        assert b"no-such-command" in exit.stderr

    @pytest.mark.parametrize("command", ["kill -SEGV $$", "sh -c 'kill -SEGV $$'; exit $?"])
    def test_a_signal_is_told_with_its_number(self, trial: Trial, command: str) -> None:
        exit = trial.run(command)
        assert (exit.ending, exit.code) == ("signalled", 11)

    def test_the_workspace_is_where_it_runs_and_out_is_where_it_leaves_things(
        self, trial: Trial
    ) -> None:
        trial.file("greeting", "good morning")
        exit = trial.run('cat greeting; echo made > made; echo left > "$MOVE37_OUT/left"')
        assert exit.stdout == b"good morning"
        assert (trial.workspace / "made").read_bytes() == b"made\n"
        assert (trial.out / "left").read_bytes() == b"left\n"

    def test_two_runs_in_the_same_workspace_see_each_others_files(self, trial: Trial) -> None:
        trial.run('echo one > made; mkdir -p "$MOVE37_OUT/a"; echo two > "$MOVE37_OUT/a/left"')
        exit = trial.run('cat made "$MOVE37_OUT/a/left"; echo more >> made')
        assert (exit.stdout, exit.code) == (b"one\ntwo\n", 0)

    # --- what it prints ------------------------------------------------------------------------

    def test_stdout_and_stderr_are_kept_apart(self, trial: Trial) -> None:
        exit = trial.run("echo said; echo warned >&2")
        assert (exit.stdout, exit.stderr) == (b"said\n", b"warned\n")

    def test_any_bytes_may_be_printed(self, trial: Trial) -> None:
        everything = bytes(range(256)) * 16
        exit = trial.run(python("import sys; sys.stdout.buffer.write(bytes(range(256)) * 16)"))
        assert exit.stdout == everything

    def test_of_200_megabytes_the_beginning_and_the_end_are_kept(self, trial: Trial) -> None:
        exit = trial.run("echo first; head -c 200000000 /dev/zero; echo last")
        assert exit.ending == "exited"
        assert exit.stdout.startswith(b"first\n")
        assert exit.stdout.endswith(b"last\n")
        assert b"bytes left out here" in exit.stdout
        assert len(exit.stdout) < MB

    def test_a_program_that_prints_without_end_is_still_timed_out(self, trial: Trial) -> None:
        launch = replace(trial.launch("yes; yes >&2"), timeout_seconds=0.5)
        assert trial.sandbox.run(launch).ending == "timeout"

    def test_a_program_that_closes_its_output_is_still_waited_for(self, trial: Trial) -> None:
        exit = trial.run("exec >&- 2>&-; sleep 0.2; exit 7")
        assert (exit.ending, exit.code, exit.stdout) == ("exited", 7, b"")

    def test_there_is_nothing_to_read_on_stdin(self, trial: Trial) -> None:
        assert trial.run("cat; echo done").stdout == b"done\n"

    # --- the environment -----------------------------------------------------------------------

    def test_the_environment_is_cleared_but_for_what_is_given(
        self, trial: Trial, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "a secret")
        monkeypatch.setenv("MOVE37_INTERNAL", "a secret")
        launch = replace(trial.launch("env"), env={"MOVE37_SEED": "7", "GIVEN": "on purpose"})
        found = dict(
            line.split("=", 1) for line in trial.sandbox.run(launch).stdout.decode().splitlines()
        )
        assert "a secret" not in found.values()
        assert (found["MOVE37_SEED"], found["GIVEN"]) == ("7", "on purpose")
        assert (found["OMP_NUM_THREADS"], found["OMP_WAIT_POLICY"]) == ("1", "PASSIVE")

    def test_home_and_temporary_files_are_private_to_the_trial(self, trial: Trial) -> None:
        exit = trial.run('echo x > "$HOME/here"; ls "$HOME" "$TMPDIR" | grep -c here')
        assert exit.stdout == b"2\n"
        assert trial.run('ls "$HOME" "$TMPDIR" | grep -c here').stdout == b"0\n"

    def test_python_hashes_follow_the_seed_of_the_trial(self, trial: Trial) -> None:
        def hashed(seed: str) -> bytes:
            launch = trial.launch('python -c "print(hash(str(1)))"')
            return trial.sandbox.run(replace(launch, env={"MOVE37_SEED": seed})).stdout

        assert hashed("1") == hashed("1")
        assert hashed("1") != hashed("2")

    # --- the network ---------------------------------------------------------------------------

    def test_with_the_network_it_reaches_whom_it_calls(self, trial: Trial) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            exit = trial.sandbox.run(
                replace(trial.launch(python(CALL, port(server))), network=True)
            )
            assert (exit.code, exit.stderr) == (0, b"")
            server.setblocking(False)
            caller, _ = server.accept()
            with caller:
                assert caller.recv(99) == b"good morning"

    # --- limits ----------------------------------------------------------------------------------

    def test_a_program_that_hangs_is_ended_in_time(self, trial: Trial) -> None:
        launch = replace(trial.launch("trap '' TERM INT HUP; sleep 600"), timeout_seconds=0.3)
        exit = trial.sandbox.run(launch)
        assert exit.ending == "timeout"
        assert 0.3 <= exit.seconds < 10

    def test_what_it_prints_is_told_while_it_runs(self, trial: Trial) -> None:
        told: list[bytes] = []
        launch = trial.launch("echo one; echo two; sleep 600")
        exit = trial.sandbox.run(launch, stop=lambda: b"two" in b"".join(told), tell=told.append)
        assert exit.ending == "stopped"
        assert b"".join(told) == b"one\ntwo\n" == exit.stdout

    def test_all_that_it_prints_is_told_however_much_is_kept(self, trial: Trial) -> None:
        told: list[bytes] = []
        exit = trial.sandbox.run(trial.launch("seq 100000; echo e >&2"), tell=told.append)
        assert b"".join(told) == b"".join(b"%d\n" % number for number in range(1, 100001))
        assert exit.stdout.startswith(b"1\n2\n")

    def test_stop_ends_it(self, trial: Trial) -> None:
        began = time.monotonic()
        exit = trial.run("sleep 600", stop=lambda: time.monotonic() - began > 0.2)
        assert exit.ending == "stopped"

    def test_a_memory_hog_is_ended(self, trial: Trial) -> None:
        hog = "blocks = []\nwhile True: blocks.append(bytearray(8 << 20))"
        launch = replace(trial.launch(python(hog)), memory_bytes=200 * MB)
        exit = trial.sandbox.run(launch)
        assert exit.ending == "memory"

    def test_memory_is_counted_over_all_processes(self, trial: Trial) -> None:
        hog = (
            "import os, time\n"
            "for _ in range(8):\n"
            "    if not os.fork():\n"
            "        kept = b'x' * (60 << 20)\n"
            "        time.sleep(600)\n"
            "os.wait()\n"
        )
        launch = replace(trial.launch(python(hog)), memory_bytes=300 * MB)
        assert trial.sandbox.run(launch).ending == "memory"

    def test_forked_workers_that_share_their_pages_are_not_too_much(self, trial: Trial) -> None:
        pool = (
            "import os, time\n"
            "kept = b'x' * (100 << 20)\n"
            "for _ in range(5):\n"
            "    if not os.fork():\n"
            "        time.sleep(0.5)\n"
            "        os._exit(0)\n"
            "for _ in range(5): os.wait()\n"
        )
        launch = replace(trial.launch(python(pool)), memory_bytes=300 * MB)
        assert trial.sandbox.run(launch).ending == "exited"

    @pytest.mark.slow
    def test_a_fork_bomb_goes_off_in_a_box(self, trial: Trial) -> None:
        bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
        launch = replace(trial.launch(python(bomb)), timeout_seconds=1)
        exit = trial.sandbox.run(launch)
        assert exit.ending in ("timeout", "memory")

    def test_a_program_that_fills_the_disk_is_ended(self, trial: Trial) -> None:
        filler = "i=0; while :; do i=$((i+1)); head -c 5000000 /dev/zero > f$i; sleep 0.01; done"
        launch = replace(trial.launch(filler), disk_bytes=50 * MB)
        assert trial.sandbox.run(launch).ending == "disk"

    def test_one_huge_file_ends_it_too(self, trial: Trial) -> None:
        launch = replace(trial.launch("cat /dev/zero > file"), disk_bytes=20 * MB)
        assert trial.sandbox.run(launch).ending == "disk"

    def test_millions_of_empty_files_are_not_free(self, trial: Trial) -> None:
        filler = "i = 0\nwhile True:\n    i += 1\n    open(f'f{i}', 'w').close()"
        launch = replace(trial.launch(python(filler)), disk_bytes=4 * MB)
        assert trial.sandbox.run(launch).ending == "disk"

    def test_a_sparse_file_takes_no_room(self, trial: Trial) -> None:
        launch = replace(trial.launch("truncate -s 19M file; sleep 0.3"), disk_bytes=20 * MB)
        assert trial.sandbox.run(launch).ending == "exited"

    def test_no_core_is_dumped(self, trial: Trial) -> None:
        assert trial.run("ulimit -c").stdout == b"0\n"

    def test_cpu_time_and_memory_of_the_whole_tree_are_told(self, trial: Trial) -> None:
        busy = "import time\nkept = b'x' * (120 << 20)\nwhile time.process_time() < 0.4: pass"
        exit = trial.run(python(busy) + " & wait")
        assert 0.4 <= exit.cpu_seconds < 5
        assert 120 * MB <= exit.peak_memory_bytes < 400 * MB

    # --- nothing outlives it -----------------------------------------------------------------------

    def test_a_daemon_that_ignores_every_signal_dies_with_the_trial(self, trial: Trial) -> None:
        exit = trial.run(python(DAEMON) + ' "$MOVE37_OUT/lock"')
        assert (exit.ending, exit.code) == ("exited", 0), exit.stderr
        assert exit.stdout == b"left one behind\n"
        assert not is_locked(trial.out / "lock")

    def test_a_timed_out_tree_dies_whole(self, trial: Trial) -> None:
        command = python(DAEMON) + ' "$MOVE37_OUT/lock"; sleep 600'
        exit = trial.sandbox.run(replace(trial.launch(command), timeout_seconds=2))
        assert exit.ending == "timeout"
        assert not is_locked(trial.out / "lock")

    def test_descriptors_do_not_leak_from_run_to_run(self, trial: Trial) -> None:
        trial.run("true")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            trial.run("echo hello; sleep 0.02")
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    # --- files -------------------------------------------------------------------------------------

    def test_new_files_may_stand_beside_protected_ones(self, trial: Trial) -> None:
        trial.file("folder/evaluate.py")
        trial.file("folder/train.py")
        command = "cd folder && echo new > new && echo changed > train.py && cat new train.py"
        exit = trial.sandbox.run(replace(trial.launch(command), protect=("folder/evaluate.py",)))
        assert exit.stdout == b"new\nchanged\n", exit.stderr

    def test_paths_may_hold_anything(self, trial: Trial) -> None:
        name = "Ünïcödé 'quoted' \"twice\" $HOME\n☃/ein Blatt.txt"
        path = trial.file(name, "read me")
        launch = replace(trial.launch('cat */*.txt; echo "☃"'), protect=(name,))
        assert trial.sandbox.run(launch).stdout.decode() == "read me☃\n"
        assert path.read_text() == "read me"

    def test_mounts_are_where_they_should_be(self, trial: Trial, tmp_path: Path) -> None:
        data = tmp_path / "big data"
        data.mkdir()
        (data / "numbers").write_text("1 2 3")
        mounts = (
            Mount(source=data, target="inputs/deep/data"),
            Mount(source=data / "numbers", target="one file"),
        )
        launch = replace(trial.launch("cat inputs/deep/data/numbers 'one file'"), mounts=mounts)
        assert trial.sandbox.run(launch).stdout == b"1 2 31 2 3"
        assert (data / "numbers").read_text() == "1 2 3"

    def test_a_candidate_is_data_outside_of_the_workspace(self, trial: Trial) -> None:
        candidate = trial.out.parent / "candidate"
        (candidate / "folder").mkdir(parents=True)
        (candidate / "folder" / "model.py").write_text("the candidate")
        look = (
            'cat "$MOVE37_CANDIDATE/folder/model.py"; test ! -e folder; cd "$MOVE37_CANDIDATE"; pwd'
        )
        exit = trial.sandbox.run(replace(trial.launch(look), candidate=candidate))
        text, where = exit.stdout.split(b"the candidate")
        assert (text, exit.code) == (b"", 0)
        assert not where.strip().startswith(bytes(trial.workspace))
        assert trial.run('echo "${MOVE37_CANDIDATE-none}"').stdout == b"none\n"

    def test_thousands_of_protected_files_are_no_burden(self, trial: Trial) -> None:
        paths = [f"package{n // 100}/module{n}.py" for n in range(1500)]
        for path in paths:
            trial.file(path, "pass")
        launch = trial.launch("find . -name '*.py' | wc -l; echo new > new.txt")
        exit = trial.sandbox.run(replace(launch, protect=tuple(paths)))
        assert exit.stdout.split() == [b"1500"]
        assert exit.code == 0, exit.stderr

    def test_whatever_is_left_behind_can_be_removed(self, trial: Trial) -> None:
        mess = (
            "import os\n"
            "os.symlink('/etc', 'link'); os.symlink('nowhere', 'broken'); os.mkfifo('pipe')\n"
            "os.makedirs('locked/inner'); open('locked/inner/file', 'w').close()\n"
            "open('secret', 'w').close(); os.chmod('secret', 0)\n"
            "os.chmod('locked/inner', 0); os.chmod('locked', 0)\n"
            "top = os.getcwd()\n"
            "for _ in range(150): os.mkdir('d' * 99); os.chdir('d' * 99)\n"
            "open('bottom', 'w').close()\n"
        )
        exit = trial.run(python(mess))
        assert exit.code == 0, exit.stderr
        self.remove(trial.workspace)
        assert not trial.workspace.exists()


class FenceContract(SandboxContract):
    """A sandbox that is a fence: what is outside can neither be seen nor reached nor changed."""

    @pytest.mark.parametrize(
        "attack",
        [
            "echo bad > folder/evaluate.py",
            "rm -f folder/evaluate.py",
            "mv folder/evaluate.py elsewhere",
            "echo bad > new && mv -f new folder/evaluate.py",
            "mv folder other; mkdir folder && echo bad > folder/evaluate.py",
            "mv outer other; mkdir -p outer/inner && echo bad > outer/inner/deep.py",
            "rm -rf folder outer",
            "chmod 777 folder folder/evaluate.py; echo bad > folder/evaluate.py",
            "ln folder/evaluate.py hard && echo bad > hard",
            "ln -sf /dev/null folder/evaluate.py",
            "truncate -s 0 folder/evaluate.py",
            "umount folder/evaluate.py; mount -o remount,rw folder/evaluate.py; rm folder/*",
        ],
    )
    def test_protected_files_cannot_be_changed_removed_or_replaced(
        self, trial: Trial, attack: str
    ) -> None:
        protect = ("folder/evaluate.py", "outer/inner/deep.py")
        for path in protect:
            trial.file(path)
        exit = trial.sandbox.run(
            replace(trial.launch(f"{attack}; cat {' '.join(protect)}"), protect=protect)
        )
        assert exit.stdout == b"as it was" * 2
        assert [(trial.workspace / path).read_text() for path in protect] == ["as it was"] * 2

    def test_even_among_thousands_each_protected_file_holds(self, trial: Trial) -> None:
        paths = [f"package{n // 100}/module{n}.py" for n in range(1000)]
        for path in (*paths, "package3/train.py"):
            trial.file(path)
        attack = (
            "rm -rf package0 package3; mv package9 other; for f in package*/*.py; do : > $f; done"
        )
        exit = trial.sandbox.run(replace(trial.launch(attack), protect=tuple(paths)))
        assert exit.ending == "exited"
        assert {(trial.workspace / path).read_text() for path in paths} == {"as it was"}

    def test_mounts_cannot_be_changed_or_replaced(self, trial: Trial, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        (data / "numbers").write_text("1 2 3")
        attack = (
            "echo bad > in/data/numbers; echo > in/data/new; rm -rf in/data; rmdir in/data;"
            "mv in/data x; mv in y; mkdir -p in/data && echo bad > in/data/numbers; "
            "cat in/data/numbers"
        )
        launch = replace(trial.launch(attack), mounts=(Mount(source=data, target="in/data"),))
        assert trial.sandbox.run(launch).stdout == b"1 2 3"
        assert [path.name for path in data.iterdir()] == ["numbers"]

    def test_a_candidate_cannot_be_changed(self, trial: Trial) -> None:
        candidate = trial.out.parent / "candidate"
        candidate.mkdir()
        (candidate / "model.py").write_text("as it was")
        change = 'cd "$MOVE37_CANDIDATE"; chmod 777 . model.py; echo x > model.py; rm model.py; echo x > y'
        trial.sandbox.run(replace(trial.launch(change), candidate=candidate))
        assert [path.name for path in candidate.iterdir()] == ["model.py"]
        assert (candidate / "model.py").read_text() == "as it was"

    def test_a_link_in_the_way_of_a_mount_leads_nowhere(self, trial: Trial, tmp_path: Path) -> None:
        victim, data = tmp_path / "victim", tmp_path / "data"
        victim.mkdir()
        data.mkdir()
        (trial.workspace / "in").symlink_to(victim)
        launch = replace(trial.launch("ls in"), mounts=(Mount(source=data, target="in/data"),))
        assert trial.sandbox.run(launch).stdout == b"data\n"
        assert not list(victim.iterdir())

    def test_the_host_is_out_of_sight(self, trial: Trial, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("a secret")
        for path in (
            tmp_path / "secret",
            "/etc/shadow",
            Path.home() / ".ssh",
            Path.cwd() / "tests",
        ):
            exit = trial.run(f"cat {shlex.quote(str(path))} || ls {shlex.quote(str(path))}")
            assert exit.code != 0, path
            assert exit.stdout == b"", path

    def test_nothing_outside_the_workspace_can_be_written(self, trial: Trial) -> None:
        exit = trial.run(
            "for d in / /usr /usr/bin /etc /dev /proc/sys/kernel /trial /root /home; do "
            "(: > $d/x) 2>/dev/null && echo wrote $d; done; true"
        )
        assert exit.stdout == b""

    def test_there_is_no_network(self, trial: Trial) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            exit = trial.run(python(CALL, port(server)))
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()
        assert exit.code == 1
        assert b"Error" in exit.stderr

    def test_the_network_comes_with_names_and_certificates_and_nothing_else(
        self, trial: Trial, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("a secret")
        look = f"cat {tmp_path}/secret /etc/shadow /etc/ssl/private/* ~/.ssh/* 2>/dev/null; ls /etc"
        without = trial.run(look).stdout.split()
        with_network = trial.sandbox.run(replace(trial.launch(look), network=True)).stdout.split()
        assert trial.run(look).stdout.split() == without, "one launch says nothing about the next"
        known = {b"ca-certificates", b"gai.conf", b"pki", b"protocols", b"resolv.conf", b"services"}
        assert set(with_network) - set(without) <= {*known, b"ssl"}
        assert set(without) <= set(with_network)

    def test_processes_outside_are_out_of_sight(self, trial: Trial) -> None:
        exit = trial.run(f"ls /proc | grep -c '^[0-9]*$'; kill -0 {os.getpid()}")
        assert int(exit.stdout) < 10
        assert exit.code != 0

    def test_a_setuid_file_cannot_be_made(self, trial: Trial) -> None:
        exit = trial.run("cp /usr/bin/id mine; chmod 4755 mine; chmod u+s,g+s mine; ls -l mine")
        assert exit.stdout.startswith(b"-rwx"), exit.stdout

    def test_temporary_files_are_limited_too(self, trial: Trial) -> None:
        launch = trial.launch("head -c 900000000 /dev/zero > /tmp/file; ls -s /tmp/file")
        exit = trial.sandbox.run(replace(launch, memory_bytes=64 * MB))
        assert exit.ending in ("exited", "memory", "signalled", "disk")
        assert b"No space left" in exit.stderr or exit.ending == "memory"

    def test_ordinary_tools_work(self, trial: Trial) -> None:
        trial.file("hello.c", '#include <stdio.h>\nint main(void){puts("hello from C");return 0;}')
        threads = (
            "import subprocess, threading, multiprocessing as m\n"
            "t = threading.Thread(target=print, args=('a thread',)); t.start(); t.join()\n"
            "print(subprocess.run(['echo', 'a child'], capture_output=True, text=True).stdout)\n"
            "with m.Pool(2) as pool: print(sum(pool.map(abs, [-1, -2])))\n"
        )
        exit = trial.run(python(threads))
        assert exit.stdout.split() == [b"a", b"thread", b"a", b"child", b"3"], exit.stderr
        compiled = trial.run("command -v cc >/dev/null || exit 0; cc -o hello hello.c && ./hello")
        assert compiled.code == 0, compiled.stderr

    def test_a_hostile_tree_may_be_handed_to_the_next_program(self, trial: Trial) -> None:
        """`score` gets the out directory that `run` left, links and all."""
        trap = (
            "import os\n"
            "out = os.environ['MOVE37_OUT']\n"
            "os.symlink('/etc', f'{out}/etc'); os.symlink('/etc/passwd', f'{out}/units.json')\n"
            "os.mkdir(f'{out}/deep'); os.chdir(f'{out}/deep')\n"
            "for _ in range(100): os.mkdir('d'); os.chdir('d')\n"
        )
        trial.run(python(trap))
        owner = Path("/etc/passwd").stat().st_uid
        exit = trial.run('ls "$MOVE37_OUT"; cat "$MOVE37_OUT/etc/shadow"')
        assert exit.stdout.split() == [b"deep", b"etc", b"units.json"]
        assert (Path("/etc/passwd").stat().st_uid, Path("/etc").stat().st_uid) == (owner, owner)
