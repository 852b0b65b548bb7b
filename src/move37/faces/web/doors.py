"""Who may come in: a token once, then a cookie; this host's own names; no other site's pages.

Everything else of the web face lies behind this. It does not encrypt: on a network, that is for a tunnel.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4_000_000
"""Of a POST's body."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with that, browsers say of our own forms that they come from nowhere.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What opens the doors of one server."""

    token: str
    names: Sequence[str] = _LOOPBACK
    """Host names that it answers to, without ports."""
    any_address: bool = False
    """It answers to every IP address too. A name that turns to point here is still none of its names."""
    cookie: str = "move37"

    @property
    def csrf(self) -> str:
        """What a form of ours holds, and one of another site cannot know."""
        return hmac.new(self.token.encode(), b"csrf", hashlib.sha256).hexdigest()

    @property
    def session(self) -> str:
        """What the cookie holds: not the token, which is in the terminal's scroll-back."""
        return hmac.new(self.token.encode(), b"session", hashlib.sha256).hexdigest()

    def answers_to(self, host: str) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        return name in self.names or (self.any_address and _is_address(name))


class Doors:
    """ASGI: lets through what may come in, and gives every answer its headers."""

    def __init__(self, inside: ASGIApp, key: Key) -> None:
        self._inside = inside
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inside(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refused = self._refusal(scope)
        inside = self._inside if refused is None else refused
        await inside(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why not, or where to go instead. `None`: come in."""
        headers, method = Headers(scope=scope), str(scope["method"])
        host = headers.get("host", "")
        if not self._key.answers_to(host):
            return _say(421, "this server does not answer to that name; use the address it printed")
        if method not in ("GET", "HEAD", "POST"):
            return _say(405, "only GET, HEAD and POST are answered here")
        if method == "POST" and (wrong := self._wrong_with_post(headers, host)):
            return _say(403, wrong)
        if headers.get("sec-fetch-site") == "cross-site" and not _is_visit(headers, method):
            return _say(403, "pages of other sites may not read this")
        if method != "POST" and (opened := self._opened(scope)) is not None:
            return opened
        if not self._is_known(headers):
            return _say(
                403, "open the address that `move37 web` printed: the token in it opens this door"
            )
        return None

    def _wrong_with_post(self, headers: Headers, host: str) -> str:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if origin is not None:
            if urlsplit(origin).netloc.lower() != host.lower():
                return "that form is not of this site"
        elif site != "same-origin":
            return "a form has to say where it comes from (Origin), and this one does not"
        if site not in (None, "same-origin"):
            return "that form is not of this site"
        try:
            length = int(headers.get("content-length", ""))
        except ValueError:
            return "a form has to say how long it is (Content-Length)"
        return "" if 0 <= length <= MOST_BYTES else "that form is too long"

    def _opened(self, scope: Scope) -> Response | None:
        """The address with the token: once, for a cookie and the same address without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if not given or not _is_equal(given[-1], self._key.token):
            return None
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + str(scope["path"]).lstrip("/\\")
        there = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
        there.set_cookie(
            self._key.cookie,
            self._key.session,
            max_age=30 * 86400,
            httponly=True,
            samesite="strict",
            path="/",
        )
        return there

    def _is_known(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        found = cookies.get(self._key.cookie)
        return found is not None and _is_equal(found.value, self._key.session)


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(f"move37: {text}\n", status_code=status)


def _is_equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _is_visit(headers: Headers, method: str) -> bool:
    return method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"


def _name_of(host: str) -> str | None:
    """The name in a `Host` header, without its port."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    plain = parts.netloc == host and not parts.path and "@" not in host
    return parts.hostname if plain else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
