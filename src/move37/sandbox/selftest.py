"""A sandbox's proof: a hostile program is run in it, and what it could not do is what it holds."""

import contextlib
import fcntl
import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, cast

from move37.core.errors import SandboxError
from move37.core.protocols import Sandbox
from move37.core.records import Launch
from move37.sandbox import attacks as program
from move37.sandbox import scratch

_TIMEOUT_SECONDS: Final = 60.0

_HOLDS: Final = {
    "writes_outside": "writing outside the workspace",
    "changes_the_kernel": "changing the kernel's settings or making devices",
    "reads_the_host": "reading the host's files, homes and secrets",
    "reaches_the_network": "reaching the network, this machine included",
    "sees_processes": "seeing or signalling processes outside",
    "changes_mounts": "mounting, unmounting and making namespaces",
    "traces": "tracing other processes",
    "uses_rare_calls": "using rare system calls (bpf, io_uring, keyrings, perf, userfaultfd)",
    "becomes_another": "becoming root or gaining a capability",
    "reads_the_environment": "reading the host's environment variables",
    "changes_protected_files": "changing, removing or replacing protected files",
    "leaves_a_daemon": "outliving the trial",
}
"""What it means, in plain words, that an attack does not succeed."""

ALL: Final = tuple(_HOLDS)
WITHOUT_FENCE: Final = ("leaves_a_daemon",)
"""The attacks that must fail even where there is no fence; the others need none to succeed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What the self-test saw."""

    held: tuple[str, ...]
    """Names of the attacks that came to nothing."""
    broken: tuple[str, ...]
    """Names of those that succeeded."""


def attack(
    sandbox: Sandbox,
    directory: Path,
    *,
    attacks: Sequence[str],
    granted: Sequence[Path],
    network: bool = False,
) -> Proof:
    """Run attacks in a sandbox, against a host laid out for them.

    directory: empty, outside of all that the sandbox shows.
    granted: what of the host the sandbox shows on purpose.
    network: whether the attacker is given the network.
    Raises `SandboxError` when it does not stand, or does not run Python at all.
    """
    workspace, out = (scratch.fresh(directory / part) for part in ("work", "out"))
    with _laid_out(directory) as laid:
        laid["attacks"], laid["granted"] = list(attacks), [str(path) for path in granted]
        (workspace / "folder").mkdir()
        (workspace / "folder" / "protected").write_text(laid["token"])
        (workspace / "laid.json").write_text(json.dumps(laid))
        (workspace / "attacks.py").write_bytes(Path(program.__file__).read_bytes())
        exit = sandbox.run(
            Launch(
                command=f"exec {shlex.quote(sys.executable)} -I attacks.py",
                workspace=workspace,
                out=out,
                protect=("folder/protected",),
                timeout_seconds=_TIMEOUT_SECONDS,
                network=network,
            )
        )
    seen = _parse(exit.stdout)
    if exit.ending != "exited" or exit.code or seen is None:
        raise SandboxError(
            f"the self-test could not run in it ({exit.ending} {exit.code}): "
            f"{exit.stderr.decode(errors='replace').strip()[-300:] or 'it said nothing'}"
        )
    # Seen from out here, whatever was seen inside.
    seen["leaves_a_daemon"] = _is_locked(out / "daemon")
    if scratch.read_file(workspace, "folder/protected", limit=99) != laid["token"].encode():
        seen["changes_protected_files"] = True
    scratch.remove(workspace)
    scratch.remove(out)
    return Proof(
        held=tuple(name for name in attacks if not seen[name]),
        broken=tuple(name for name in attacks if seen[name]),
    )


def meaning(attacks: Iterable[str]) -> tuple[str, ...]:
    """What it is, in plain words, that these attacks do."""
    return tuple(_HOLDS[attack] for attack in attacks)


@contextlib.contextmanager
def _laid_out(directory: Path) -> Generator[dict[str, Any], None, None]:
    """A host with something to steal: a file, a server, a process. All gone afterwards."""
    token = token_hex(8)
    secret = directory / "secret"
    secret.write_text(token)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind("\0" + token)
        abstract.listen()
        stack.enter_context(
            subprocess.Popen(
                ["/bin/sh", "-c", f"read -r end; : outside-{token}"],
                stdin=subprocess.PIPE,
                env={"OUTSIDE": token},
            )
        )
        yield {
            "token": token,
            "host_file": str(secret),
            "host_directory": str(directory),
            "host_mark": f": outside-{token}",
            "host_variable": f"OUTSIDE={token}",
            "home": str(Path.home()),
            "port": str(server.getsockname()[1]),
        }


def _parse(stdout: bytes) -> dict[str, bool] | None:
    try:
        parsed: Any = json.loads(stdout)
    except ValueError:
        return None
    return cast("dict[str, bool]", parsed) if isinstance(parsed, dict) else None


def _is_locked(path: Path) -> bool:
    """Whether somebody living holds it. Raises `SandboxError` when nobody ever did."""
    if not path.exists():
        raise SandboxError("the self-test could not start a process in it")
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
