"""A server with studies, and a real browser, for all tests of pages.

`client_of` asks without a browser. `open_page` opens a page in Chromium, and sees to it that nothing was said on
its console; those tests are slow ones.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from web_parts import OpenPage, Served, Studies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    return Studies(tmp_path_factory.mktemp("studies"))


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Chromium, once for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("MOVE37_CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUM)), "")
    if not path:
        pytest.skip("no Chromium here; install the package `chromium`")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield found
        found.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[OpenPage]:
    """Open an address of a server: `open_page(served, address, width=380, dark=True)`.

    The test fails when the page complained on its console, or asked anybody but the server.
    """
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_(
        served: Served,
        address: str,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> "Page":
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            **(options or {}),
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(served.way_in)

        def heard(message: Any) -> None:
            if message.type in ("error", "warning"):
                complaints.append(f"{page.url}: {message.text}")

        def asked(request: Any) -> None:
            if not request.url.startswith((served.address, "data:", "blob:")):
                complaints.append(f"{page.url} asked {request.url}")

        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("request", asked)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints
