"""What tests of pages share: a server, and what is asked of a page."""

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from made_up import write_study
from starlette.testclient import TestClient

from move37.app import Following
from move37.faces.web.doors import Key
from move37.faces.web.server import make_app, study_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOKEN = "a-token-for-tests-only"

OpenPage = Callable[..., "Page"]


def client_of(*roots: Path, following: Following | None = None) -> TestClient:
    """Somebody who came in by the door, to a server of these studies."""
    key = Key(token=TOKEN, names=("testserver",))
    inside, _ = make_app(
        roots, key=key, following=following or Following(), find=lambda here: list(here)
    )
    client = TestClient(inside, base_url="http://testserver", follow_redirects=False)
    client.cookies.set("move37", key.session)
    return client


class Studies:
    """Made-up studies, each written once; for reading only."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of(self, experiments: int, *, hostile: bool = False) -> Path:
        root = self._directory / f"of-{experiments}{'-hostile' if hostile else ''}"
        return root if root.exists() else write_study(root, experiments, hostile=hostile)


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A server on a port of this machine."""

    address: str

    def of(self, root: Path, rest: str = "") -> str:
        """The address of a study's page, such as `progress`."""
        return f"{self.address}/s/{study_id(root)}/{rest}"

    @property
    def way_in(self) -> str:
        return f"{self.address}/?token={TOKEN}"


@contextmanager
def serving(*roots: Path) -> Generator[Served]:
    """The real server, as `move37 web` starts it, in a thread."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with Following() as following:
        inside, site = make_app(
            roots,
            key=Key(token=TOKEN),
            following=following,
            find=lambda here: list(here),
            look_seconds=0.2,
        )
        config = uvicorn.Config(inside, log_level="warning", ws="none", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Served(address=f"http://127.0.0.1:{port}")
        finally:
            site.live.close()
            server.should_exit = True
            thread.join(20)


def violations(page: "Page") -> list[str]:
    """What axe-core finds wrong with the page for people who cannot see or use a mouse."""
    axe: Any = import_module("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def is_wider_than_its_window(page: "Page") -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
