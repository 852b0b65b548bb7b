"""Who may come in, and who may not."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from web_parts import TOKEN, client_of

from move37.app import Following
from move37.faces.web.doors import MOST_BYTES, Key
from move37.faces.web.page import Asked, Page
from move37.faces.web.server import make_app, study_id


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return client_of(tmp_path)


def test_the_token_opens_the_door_once_and_a_cookie_keeps_it_open(client: TestClient) -> None:
    client.cookies.clear()
    assert client.get("/").status_code == 403
    assert client.get("/?token=wrong").status_code == 403
    first = client.get(f"/?token={TOKEN}&x=1")
    assert (first.status_code, first.headers["location"]) == (303, "/?x=1")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "cookie", ["move37=", "move37=é", "move37=\x01", "a;;=b", "move37=" + "0" * 64]
)
def test_a_cookie_of_somebody_else_opens_nothing(client: TestClient, cookie: str) -> None:
    client.cookies.clear()
    assert client.get("/", headers=[(b"cookie", cookie.encode("latin-1"))]).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "testserver.evil.example",
        "user@testserver",
        "",
        "[::1",
        "10.0.0.1",
        "testserver:x",
    ],
)
def test_a_name_that_only_points_here_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


def test_a_token_never_leads_to_another_site(client: TestClient) -> None:
    for path in ("//evil.example/", "/\\evil.example", "///evil.example"):
        there = client.get(f"http://testserver{path}?token={TOKEN}")
        location = there.headers.get("location", "/")
        assert not location.startswith(("//", "/\\", "http")), location


def test_on_a_network_addresses_are_answered_and_other_names_are_not() -> None:
    key = Key(token=TOKEN, any_address=True)
    assert key.answers_to("192.168.1.7:3737")
    assert key.answers_to("[fe80::1]:3737")
    assert not key.answers_to("evil.example:3737")
    assert not Key(token=TOKEN).answers_to("192.168.1.7:3737")


def test_pages_of_other_sites_may_come_by_a_link_and_read_nothing(client: TestClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    script = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert client.get("/data/studies", headers=script).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_only_three_methods_are_answered(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


def test_every_answer_says_what_browsers_may_do_with_it(client: TestClient) -> None:
    for address in ("/", "/nowhere", "/static/app.js", "/static/../server.py"):
        answer = client.get(address)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/static/%2e%2e/server.py").status_code == 404


HOME = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def steering(tmp_path: Path, done: list[str]) -> tuple[TestClient, str, str]:
    """A page with something to do; its address, and what its forms hold."""

    def act(asked: Asked) -> str:
        done.append(asked.form["what"])
        return f"did {asked.form['what']}"

    page = Page(name="steer", title="Steer", show=lambda asked: {}, acts={"it": act})
    key = Key(token=TOKEN, names=("testserver",))
    inside, site = make_app(
        [tmp_path], key=key, following=Following(), find=lambda here: list(here), pages=[page]
    )
    client = TestClient(inside, base_url="http://testserver", follow_redirects=False)
    client.cookies.set("move37", key.session)
    site.roots()
    return client, f"/s/{study_id(tmp_path)}/steer/do/it", key.csrf


def test_a_form_of_ours_does_what_it_says_once(
    steering: tuple[TestClient, str, str], done: list[str]
) -> None:
    client, address, csrf = steering
    answer = client.post(address, data={"csrf": csrf, "what": "pause"}, headers=HOME)
    assert answer.status_code == 303
    assert "/steer?said=" in answer.headers["location"]
    assert done == ["pause"]
    assert client.get(address).status_code == 405


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://testserver:81"}, True),
        ({"origin": "http://testserver", "sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({}, True),
        (HOME, False),
        ({**HOME, "content-length": "x"}, True),
        ({**HOME, "content-length": str(MOST_BYTES + 1)}, True),
        ({**HOME, "cookie": "move37=none"}, True),
    ],
)
def test_a_form_from_anywhere_else_does_nothing(
    steering: tuple[TestClient, str, str],
    done: list[str],
    headers: dict[str, str],
    csrf: bool,
) -> None:
    client, address, right = steering
    if "cookie" in headers:
        client.cookies.clear()
    given = {"csrf": right if csrf else "é", "what": "stop"}
    assert client.post(address, data=given, headers=headers).status_code == 403
    assert done == []
