"""The server: routes to pages, pages to templates and JSON. What a page shows is said in `pages/`."""

import hashlib
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import move37
from move37.app import STUDY, Following, is_working, known_studies
from move37.core.errors import Move37Error
from move37.faces.web import rendering
from move37.faces.web.doors import MOST_BYTES, Doors, Key
from move37.faces.web.live import Live
from move37.faces.web.page import Asked, Page
from move37.faces.web.pages import PAGES
from move37.faces.web.pages.overview import overview, studies

_QUICK_BYTES = 8_000_000
"""A study whose facts take more than this is read in the background, while its page says so."""
_SAID_KEPT = 100


class Site:
    """One server's studies, and what its pages share."""

    def __init__(
        self,
        find: Callable[[], Sequence[Path]],
        key: Key,
        following: Following,
        *,
        look_seconds: float = 1.0,
    ) -> None:
        """find: the directories of the studies that there are now."""
        self._find = find
        self._said: OrderedDict[str, str] = OrderedDict()
        self._reading: dict[Path, threading.Thread] = {}
        self._turn = threading.Lock()
        self._ids: dict[str, Path] = {}
        self.key = key
        self.following = following
        self.live = Live(following, look_seconds=look_seconds)

    def roots(self) -> Mapping[str, Path]:
        """All studies, by their id."""
        found = {study_id(root): root for root in self._find()}
        self._ids.update(found)
        return found

    def root(self, id: str) -> Path:
        if id not in self._ids:
            self.roots()
        if id not in self._ids:
            raise HTTPException(404, "there is no such study here; it may have been moved")
        return self._ids[id]

    def asked(self, request: Request, form: Mapping[str, str] | None = None) -> Asked:
        id = str(request.path_params["study"])
        return Asked(
            id=id,
            root=self.root(id),
            following=self.following,
            path={name: value for name, value in request.path_params.items() if name != "study"},
            query=dict(request.query_params),
            form=form or {},
        )

    def is_ready(self, root: Path) -> bool:
        """Whether a look takes no time worth mentioning. If not, the study is being read from now on."""
        if self.following.is_read(root) or _size(root) <= _QUICK_BYTES:
            return True
        with self._turn:
            reading = self._reading.get(root)
            if reading is None or not reading.is_alive():
                reading = threading.Thread(target=self._read, args=(root,), daemon=True)
                self._reading[root] = reading
                reading.start()
        return False

    def _read(self, root: Path) -> None:
        try:
            with self.following.look(root):
                pass
        except Move37Error:
            return  # the next page that asks for it is told

    def say(self, text: str) -> str:
        """Keep a sentence for the next page. Returns what that page asks for it with."""
        with self._turn:
            name = secrets.token_urlsafe(8)
            self._said[name] = text
            while len(self._said) > _SAID_KEPT:
                self._said.popitem(last=False)
            return name

    def said(self, name: str | None) -> str:
        with self._turn:
            return self._said.pop(name, "") if name else ""


def study_id(root: Path) -> str:
    """Short, the same each time, and told apart from others of the same name."""
    name = re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-")[:24] or "study"
    return f"{name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:8]}"


def make_app(
    roots: Sequence[Path],
    *,
    key: Key,
    following: Following,
    find: Callable[[Sequence[Path]], Sequence[Path]] = known_studies,
    look_seconds: float = 1.0,
    pages: Sequence[Page] = PAGES,
) -> tuple[ASGIApp, Site]:
    """The whole face, behind its doors. `Site.live.close` ends the streams that would keep it up."""
    site = Site(lambda: find(roots), key, following, look_seconds=look_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            site.live.close()
            following.close()

    routes: list[BaseRoute] = [
        Route("/", _plain(lambda request: _overview(site))),
        Route("/data/studies", _plain(lambda request: rendering.json_response(studies(site)))),
        Route("/s/{study}", _plain(lambda request: _first(request, pages))),
        Route("/s/{study}/live", _plain(lambda request: _live(site, request))),
        *(route for page in pages for route in _routes(site, page, pages)),
        Mount("/static", _Static(directory=rendering.HERE / "static")),
    ]
    inside = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: lambda request, error: _missing(site, error)},
    )
    return Doors(inside, key), site


def _plain(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A plain function, which Starlette runs in a thread of its own."""

    def endpoint(request: Request) -> Response:
        return answer(request)

    return endpoint


class _Static(StaticFiles):
    """Files of ours, which browsers keep and ask about."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def _routes(site: Site, page: Page, pages: Sequence[Page]) -> list[BaseRoute]:
    base = f"/s/{{study}}/{page.name}"

    def shown(request: Request) -> Response:
        return _shown(site, page, pages, request)

    def data(request: Request) -> Response:
        asked = site.asked(request)
        make = page.data.get(str(asked.path["what"]))
        if make is None:
            return rendering.json_response({"error": "there is no such data"}, 404)
        if not site.is_ready(asked.root):
            return rendering.json_response({"error": "the study is still being read"}, 503)
        try:
            return rendering.json_response(make(asked))
        except Move37Error as error:
            return rendering.json_response({"error": str(error)}, 404)

    async def act(request: Request) -> Response:
        return await _act(site, page, request)

    return [
        Route(f"{base}/data/{{what}}", data, methods=["GET"]),
        Route(f"{base}/do/{{what}}", act, methods=["POST"]),
        Route(f"{base}{page.rest}", shown, methods=["GET"]),
    ]


def _shown(site: Site, page: Page, pages: Sequence[Page], request: Request) -> Response:
    asked = site.asked(request)
    shared: dict[str, Any] = {
        **_shared(site),
        "asked": asked,
        "study": asked.root.name,
        "page": page,
        "menu": [each for each in pages if each.in_menu],
        "title": f"{page.title} · {asked.root.name}",
        "said": site.said(asked.query.get("said")),
        "seq": None,
        "working": False,
    }
    if not site.is_ready(asked.root):
        return rendering.page("reading.html", {**shared, "bytes": _size(asked.root)})
    try:
        with site.following.look(asked.root) as followed:
            shared["seq"] = followed.seq
            shared["study"] = followed.study.task.name
            shared["title"] = f"{page.title} · {followed.study.task.name}"
        shared["working"] = is_working(asked.root)
        return rendering.page(f"{page.name}.html", {**shared, **page.show(asked)})
    except Move37Error as error:
        return rendering.page("wrong.html", {**shared, "reason": str(error)}, 404)


async def _act(site: Site, page: Page, request: Request) -> Response:
    # The door has seen to it that the body says its length, and that this is not too much.
    form = await request.form(max_files=0, max_fields=200, max_part_size=MOST_BYTES)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    given = fields.pop("csrf", "")
    if not secrets.compare_digest(given.encode("utf-8", "replace"), site.key.csrf.encode()):
        raise HTTPException(403, "that form is old or not of this site; load the page again")
    asked = site.asked(request, fields)
    do = page.acts.get(str(asked.path["what"]))
    if do is None:
        raise HTTPException(404, "there is nothing of that name to do")
    try:
        said = await run_in_threadpool(do, asked)
    except Move37Error as error:
        said = f"Not done: {error}"
    back = _back(asked, page)
    return RedirectResponse(f"{back}?said={site.say(said)}", status_code=303)


def _back(asked: Asked, page: Page) -> str:
    """To the page that the form was on."""
    rest = asked.form.get("rest", "")
    return asked.link(page.name, rest if re.fullmatch(r"(/[\w.-]+)*", rest, re.ASCII) else "")


def _live(site: Site, request: Request) -> Response:
    root = site.root(str(request.path_params["study"]))
    known = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(known) if known.isascii() and known.isdigit() and len(known) < 16 else None
    return StreamingResponse(site.live.stream(root, after), media_type="text/event-stream")


def _overview(site: Site) -> Response:
    shared = {**_shared(site), "title": "Studies", "said": ""}
    return rendering.page("overview.html", {**shared, **overview(site)})


def _first(request: Request, pages: Sequence[Page]) -> Response:
    return RedirectResponse(f"/s/{request.path_params['study']}/{pages[0].name}", status_code=303)


def _missing(site: Site, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    shared = {**_shared(site), "title": "Not here", "said": "", "reason": error.detail}
    return rendering.page("wrong.html", shared, error.status_code)


def _shared(site: Site) -> dict[str, Any]:
    return {
        "csrf": site.key.csrf,
        "version": move37.__version__,
        "asked": None,
        "page": None,
        "menu": (),
        "seq": None,
        "working": False,
    }


def _size(root: Path) -> int:
    total = 0
    for name in ("study.db", "study.db-wal"):
        try:
            total += (root / STUDY / name).stat().st_size
        except OSError:
            continue
    return total
