"""`python -m move37.faces.web`: the server in a process of its own. People write `move37 web`."""

import argparse
import os
import secrets
import socket
import sys
import threading
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from move37.core.errors import Move37Error, TaskError

if TYPE_CHECKING:
    import uvicorn

    from move37.faces.web.live import Live

VARIABLE = "MOVE37_WEB_TOKEN"
"""Where a token of the user's own comes from, so that an address stays the same."""
_LEAST = 16
_HERE = ("127.0.0.1", "localhost", "::1")


def main() -> int:
    """Serve until told to stop. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="move37 web")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--on-network", action="store_true")
    parser.add_argument("--no-open", action="store_true")
    asked = parser.parse_args()
    # Our matrices are small: threads would spin longer than they compute, beside busy workers.
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        _serve(asked)
    except Move37Error as error:
        sys.stderr.write(f"move37: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def _serve(asked: argparse.Namespace) -> None:
    for needed in ("jinja2", "multipart", "starlette", "uvicorn"):
        if find_spec(needed) is None:
            raise Move37Error(
                f"the pages need {needed}; install what they need with `pip install 'move37[web]'`"
            )
    import uvicorn

    from move37.app import Following
    from move37.faces.web.doors import Key
    from move37.faces.web.server import make_app

    host, token = str(asked.host), web_token()
    if host not in _HERE and not asked.on_network:
        raise TaskError(
            f"--host {host!r} can be reached by others; add --on-network if they may come, "
            "or leave it out and forward the port over ssh"
        )
    listening = _listen(host, int(asked.port))
    port = int(listening.getsockname()[1])
    names = tuple(dict.fromkeys((*_HERE, host, *(_own_names() if asked.on_network else ()))))
    key = Key(token=token, names=names, any_address=asked.on_network, cookie=f"move37-{port}")
    with Following() as following:
        inside, site = make_app([asked.root], key=key, following=following)
        config = uvicorn.Config(
            inside,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=3,
        )
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{port}/?token={token}"
        sys.stdout.write(f"Your studies are at {address}\nCtrl-C stops the server.\n")
        sys.stdout.flush()
        if not asked.no_open and _is_desktop():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        _make_server(config, site.live).run(sockets=[listening])


def _make_server(config: "uvicorn.Config", live: "Live") -> "uvicorn.Server":
    from uvicorn import Server

    class Ours(Server):
        """Ends the streams first: they would keep it up for as long as a page is open."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            live.close()
            super().handle_exit(sig, frame)

    return Ours(config)


def web_token() -> str:
    """Random, or what the environment says. Raises `TaskError` for a weak one."""
    given = os.environ.pop(VARIABLE, None)
    if given is None:
        return secrets.token_urlsafe(24)
    if (
        len(given) < _LEAST
        or not given.isascii()
        or not given.replace("-", "").replace("_", "").isalnum()
    ):
        raise TaskError(
            f"{VARIABLE} is no token; set {_LEAST} letters and digits or more, at random"
        )
    return given


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or error
        raise TaskError(
            f"cannot listen at {host} port {port} ({why}); name another one with --port, or --port 0"
        ) from error
    return listening


def _own_names() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name, f"{name}.local")


def _is_desktop() -> bool:
    """Whether a browser that is opened here is seen by whoever started this."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("CI") or not sys.stdout.isatty():
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
