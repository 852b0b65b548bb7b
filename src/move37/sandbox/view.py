"""What a fenced program sees of this machine: the system's programs, the wanted Python, no more.

Never a home directory, never the rest of the user's repository: a virtual environment inside one is
shown alone. Also the environment variables, from an allow-list.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from move37.core.errors import SandboxError
from move37.core.records import Fence, Launch

WORKSPACE: Final = "/trial/work"
"""Where a fenced program finds its workspace: a place where no installation ever lies."""
OUT: Final = "/trial/out"
CANDIDATE: Final = "/trial/candidate"
"""Outside the workspace, so that nothing there is ever found by an import."""

_SYSTEM_LINKS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC: Final = (
    "R",
    "alternatives",
    "fonts",
    "java*",
    "julia",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "timezone",
)
_PASSWD: Final = "root:x:0:0:root:/root:/bin/sh\nmove37:x:{uid}:{uid}:move37:/tmp:/bin/sh\n"
_GROUP: Final = "root:x:0:\nmove37:x:{uid}:\n"
_HOSTS: Final = "127.0.0.1 localhost\n::1 localhost\n"
_NAMES: Final = "passwd: files\ngroup: files\nhosts: files{dns}\n"
_ETC_OF_NETWORKS: Final = (
    "ca-certificates",
    "gai.conf",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
)
"""Names and certificates. Not the whole of /etc/ssl: private keys lie in it."""
_SYSTEM_PATH: Final = (
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
)
_TOOL_RECEIPTS: Final = ("uv-receipt.toml", "pipx_metadata.json")
_MOST_LINKS: Final = 16

_THREADS: Final = (
    "GOMAXPROCS",
    "JULIA_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The host's directories and files that are shown, and the path on which programs are found."""

    binds: tuple[Path, ...]
    """Shown read-only at their own place; none inside another."""
    devices: tuple[Path, ...]
    links: tuple[tuple[str, str], ...]
    """Symbolic links of the root directory: name and target."""
    path: str


def make_view(fence: Fence, environ: Mapping[str, str], *, prefix: Path, base_prefix: Path) -> View:
    """
    prefix, base_prefix: of the running interpreter, `sys.prefix` and `sys.base_prefix`.

    Raises `SandboxError` when `[sandbox] read` names something that is not there or too much.
    """
    read = [_readable(path) for path in fence.read]
    wanted = _wanted_python(environ, prefix)
    roots = [Path("/usr")]
    roots += [p for p in (prefix, base_prefix) if _is_installation(p)]
    roots += [root for python in wanted for root in _roots_of(python)]
    if any(root.is_relative_to("/nix/store") for root in roots):
        roots.append(Path("/nix/store"))
    system = [Path("/", name) for name in _SYSTEM_LINKS]
    directories = [place for place in system if place.is_dir() and not place.is_symlink()]
    binds = _outermost([*roots, *directories, *(p for p in read if not _is_device(p))])
    if clash := [bind for bind in binds if bind.is_relative_to("/trial")]:
        raise SandboxError(
            f"{str(clash[0])!r} cannot be shown to the evaluation: inside the sandbox, /trial is "
            "where the workspace lies; install it somewhere else"
        )
    users = (Path(place) for place in environ.get("PATH", "").split(":") if place.startswith("/"))
    visible = [p for p in users if any(p.is_relative_to(bind) for bind in binds)]
    places = [*(python.parent for python in wanted), *visible, *map(Path, _SYSTEM_PATH)]
    return View(
        binds=tuple(binds),
        devices=tuple(path for path in read if _is_device(path)),
        links=tuple((str(p), str(p.readlink())) for p in system if p.is_symlink()),
        path=":".join(dict.fromkeys(map(str, places))),
    )


def write_etc(
    directory: Path, uid: int, *, places: Sequence[Path] = (), network: bool = False
) -> None:
    """Make a small /etc: who the program is, and copies of the little that ordinary tools need.

    places: what is shown besides; what of it lies below /etc gets a place to be mounted at.
    network: whether it shall know this machine's name servers and certificates, too.
    """
    texts = {
        "passwd": _PASSWD.format(uid=uid),
        "group": _GROUP.format(uid=uid),
        "hosts": _HOSTS,
        "nsswitch.conf": _NAMES.format(dns=" dns" if network else ""),
    }
    for name, text in texts.items():
        (directory / name).write_text(text)
    if network:
        for name in ("hosts", "resolv.conf"):
            with contextlib.suppress(OSError):  # often links to what is not shown, so by content
                (directory / name).write_bytes(Path("/etc", name).read_bytes())
    wanted = (*_ETC, *(_ETC_OF_NETWORKS if network else ()))
    for found in (found for pattern in wanted for found in Path("/etc").glob(pattern)):
        target = directory / found.relative_to("/etc")
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # what we may not read, nobody needs
            if found.is_dir() and not found.is_symlink():
                shutil.copytree(found, target, symlinks=True)
            else:
                shutil.copy2(found, target, follow_symlinks=False)
    for found in (place for place in places if place.is_relative_to("/etc")):
        target = directory / found.relative_to("/etc")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        if found.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.touch()
    for place, _, files in os.walk(directory):
        Path(place).chmod(0o755)
        for name in files:
            if not Path(place, name).is_symlink():
                Path(place, name).chmod(0o644)


def environment(
    launch: Launch,
    fence: Fence,
    environ: Mapping[str, str],
    *,
    path: str,
    out: str,
    temporary: str,
    candidate: str = "",
) -> dict[str, str]:
    """All that the program finds in its environment.

    The seed of Python's string hashes follows the trial's own seed: equal trials repeat exactly,
    and a result that hangs on one order of a set does not look sure. Raises `SandboxError` when
    `[sandbox] env` names one of ours.
    """
    if ours := [name for name in fence.env if name.startswith("MOVE37_")]:
        raise SandboxError(
            f"{ours[0]!r} cannot be passed through by [sandbox] env: names that begin with "
            "MOVE37_ are set by move37 itself; remove it"
        )
    seed = launch.env.get("MOVE37_SEED", "")
    locale = {name: value for name, value in environ.items() if name.startswith(("LANG", "LC_"))}
    return {
        "LANG": "C.UTF-8",
        **locale,
        **dict.fromkeys(_THREADS, str(launch.cpus)),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PATH": path,
        "HOME": temporary,
        "TMPDIR": temporary,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": seed if seed.isdecimal() and int(seed) < 1 << 32 else "0",
        **{name: environ[name] for name in fence.env if name in environ},
        **launch.env,
        "MOVE37_OUT": out,
        **({} if launch.candidate is None else {"MOVE37_CANDIDATE": candidate}),
    }


def _readable(path: str) -> Path:
    place = Path(path).expanduser()
    if not place.is_absolute():
        raise SandboxError(f"[sandbox] read: {path!r} must be an absolute path")
    if not place.exists():
        raise SandboxError(f"[sandbox] read: there is no {path!r} on this machine; remove it")
    if place.resolve() == Path("/") or place.is_relative_to("/proc"):
        raise SandboxError(f"[sandbox] read: {path!r} is too much; name what the evaluation needs")
    return place


def _is_device(path: Path) -> bool:
    return path.is_relative_to("/dev")


def _wanted_python(environ: Mapping[str, str], prefix: Path) -> list[Path]:
    """The interpreters that `python` may mean, the first one first.

    An active virtual environment wins. Otherwise it is the interpreter that move37 runs on, unless
    that one is a tool's private environment, in which nobody expects to find their packages.
    """
    active = environ.get("VIRTUAL_ENV", "")
    found = [Path(active, "bin", "python")] if active.startswith("/") else []
    own = prefix / "bin" / "python"
    shell = _shell_python(environ)
    if any((prefix / receipt).exists() for receipt in _TOOL_RECEIPTS):
        found += [*shell, own]
    else:
        found += [own, *shell]
    return [python for python in dict.fromkeys(found) if python.exists()]


def _shell_python(environ: Mapping[str, str]) -> list[Path]:
    """What a shell would run: not when it is a script that looks for the interpreter itself."""
    path = environ.get("PATH", "")
    found = shutil.which("python", path=path) or shutil.which("python3", path=path)
    if found is None or not found.startswith("/"):
        return []
    try:
        with Path(found).open("rb") as file:
            return [] if file.read(2) == b"#!" else [Path(found)]
    except OSError:
        return []


def _roots_of(python: Path) -> Iterator[Path]:
    """The installations on the way from an interpreter's name to its file."""
    for _ in range(_MOST_LINKS):
        if python.parent.name == "bin" and _is_installation(python.parent.parent):
            yield python.parent.parent
        if not python.is_symlink():
            return
        # Not `resolve`: each step of the way must be visible, or the last one is out of reach.
        python = Path(os.path.normpath(python.parent / python.readlink()))


def _is_installation(root: Path) -> bool:
    """A Python lives there, and it is not a whole home directory or the whole disk."""
    too_much = {Path("/"), Path.home(), Path("/home"), Path("/root")}
    if root.resolve() in too_much or root in too_much:
        return False
    return (root / "pyvenv.cfg").exists() or any(root.glob("lib*/python3*"))


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that lie inside another one, in an order in which parents come first."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept
