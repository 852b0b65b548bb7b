"""The pages of a study's experiments, metrics, referee, proposers and board: what they say, and how safely."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_up import HOSTILE
from starlette.testclient import TestClient
from web_parts import (
    OpenPage,
    Served,
    Studies,
    client_of,
    is_wider_than_its_window,
    serving,
    violations,
)

from move37.faces.web.server import study_id

PAGES = ("experiment/7", "experiment/0", "compare", "metrics", "referee", "proposers", "board")
DATA = ("metrics/data/trade-offs", "metrics/data/slice?site=0", "referee/data/calibration")


class Elements(HTMLParser):
    """What a browser would take for elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def ordinary(studies: Studies) -> Iterator[tuple[TestClient, str]]:
    root = studies.of(120)
    with client_of(root) as client:
        yield client, f"/s/{study_id(root)}/"


@pytest.fixture(scope="module")
def hostile(studies: Studies) -> Iterator[tuple[TestClient, str]]:
    root = studies.of(60, hostile=True)
    with client_of(root) as client:
        yield client, f"/s/{study_id(root)}/"


@pytest.mark.parametrize("page", PAGES)
def test_what_strangers_wrote_is_text_on_every_page(
    page: str, hostile: tuple[TestClient, str]
) -> None:
    client, base = hostile
    answer = client.get(base + page)
    assert answer.status_code == 200
    seen = Elements(answer.text)
    if page != "experiment/0":
        assert "alert(1)" in seen.text, "the study is hostile on this page"
        assert "49" not in seen.text.split("alert(1)")[1][:30], "nothing is evaluated"
    assert HOSTILE not in answer.text
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
    assert "\x1b" not in answer.text
    assert not [name for name in seen.attributes if name.startswith("on") or name == "style"]
    ours = answer.text.count('<script src="/static/') + answer.text.count(
        '<script type="module" src="/static/'
    )
    assert seen.tags.count("script") == ours


@pytest.mark.parametrize("data", DATA)
def test_what_strangers_wrote_is_harmless_in_data(
    data: str, hostile: tuple[TestClient, str]
) -> None:
    client, base = hostile
    answer = client.get(base + data)
    assert answer.status_code == 200
    assert "<" not in answer.text
    assert answer.json()


def test_measured_believed_and_certified_are_told_apart(ordinary: tuple[TestClient, str]) -> None:
    client, base = ordinary
    text = " ".join(Elements(client.get(f"{base}experiment/8").text).text.split())
    assert "luck included" in text
    assert "Believed effect on the baseline" in text
    assert "Certified" in text
    assert "improvement" not in text
    assert "learning_rate" in text, "the diff is there"


def test_a_failed_experiment_shows_what_it_printed(ordinary: tuple[TestClient, str]) -> None:
    client, base = ordinary
    for id in range(1, 120):
        text = client.get(f"{base}experiment/{id}").text
        if "it exited with 1" in text:
            assert "boom" in text
            return
    pytest.fail("none of them failed")


@pytest.mark.parametrize(
    ("page", "status", "says"),
    [
        ("experiment/99999999999999999999", 404, "no experiment"),
        ("experiment/3?against=moon", 404, "nothing to compare with"),
        ("experiment/3?against=%F0%9F%8C%99", 404, "nothing to compare with"),
        ("compare?left=x2&right=5", 200, "x5 against x2"),
        ("compare?left=<script>", 404, "is no experiment"),
        ("compare?left=500", 404, "no experiment x500"),
        ("board?kind=rumour", 404, "no kind of post"),
        ("board?order=random", 404, "no order of posts"),
        ("board?first=-7", 200, "1 to"),
        ("board?first=1e99", 200, "Nothing here"),
        ("board?first=nan", 404, "is no number"),
        ("metrics/data/slice?site=77", 404, "no such constant"),
        ("metrics/data/slice?site=-1", 404, "no such constant"),
    ],
)
def test_odd_addresses_are_answered_in_a_sentence(
    page: str, status: int, says: str, ordinary: tuple[TestClient, str]
) -> None:
    client, base = ordinary
    answer = client.get(base + page)
    assert answer.status_code == status
    assert says in Elements(answer.text).text


@pytest.mark.parametrize("experiments", [0, 1, 3])
def test_small_studies_have_all_pages(experiments: int, studies: Studies) -> None:
    root = studies.of(experiments)
    with client_of(root) as client:
        for page in ("experiment/0", *PAGES[2:], *(each for each in DATA if "slice" not in each)):
            answer = client.get(f"/s/{study_id(root)}/{page}")
            assert answer.status_code == 200, page


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(studies: Studies) -> Iterator[tuple[Served, Path]]:
    root = studies.of(400)
    with serving(root) as served:
        yield served, root


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES[:1] + PAGES[2:])
def test_pages_are_for_everybody(
    page: str, served: tuple[Served, Path], open_page: OpenPage
) -> None:
    server, root = served
    address = server.of(root, page)
    for width, dark in ((380, False), (1280, True)):
        shown = open_page(server, address, width=width, dark=dark)
        shown.wait_for_load_state("load")
        if page in ("metrics", "referee"):
            shown.wait_for_selector("canvas")
        assert not is_wider_than_its_window(shown)
        assert violations(shown) == []


@pytest.mark.slow
def test_a_constant_is_chosen_with_the_keyboard(
    served: tuple[Served, Path], open_page: OpenPage
) -> None:
    server, root = served
    shown = open_page(server, server.of(root, "metrics"))
    shown.wait_for_selector("#slice-chart canvas")
    second = shown.locator("[data-site='1']")
    second.focus()
    shown.keyboard.press("Enter")
    shown.wait_for_function(
        "document.querySelector('[data-site=\"1\"]').textContent === "
        "document.getElementById('slice-name').textContent"
    )
    assert shown.locator("#slice-rows tr").count() > 0
