"""The page that leads a study: each form gives one order, and nobody else's form does."""

import shutil
from pathlib import Path

import pytest
from made_up import HOSTILE
from starlette.testclient import TestClient
from web_parts import (
    TOKEN,
    OpenPage,
    Studies,
    client_of,
    is_wider_than_its_window,
    serving,
    violations,
)

from move37 import app
from move37.app.study import read_study
from move37.core.facts import Posted, Steered
from move37.faces.web.doors import Key
from move37.faces.web.server import study_id

HOME = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}


@pytest.fixture
def root(studies: Studies, tmp_path: Path) -> Path:
    return Path(shutil.copytree(studies.of(3), tmp_path / "study"))


@pytest.fixture
def client(root: Path) -> TestClient:
    return client_of(root)


def good(root: Path) -> int:
    """An experiment that was measured."""
    rows = app.list_experiments(root).rows
    return next(row.experiment for row in rows if row.state == "measured" and not row.is_baseline)


def say(client: TestClient, root: Path, act: str, **form: str) -> str:
    """Send a form of the page; returns the page that comes of it."""
    fields = {"csrf": Key(token=TOKEN).csrf, **form}
    answer = client.post(f"/s/{study_id(root)}/steer/do/{act}", data=fields, headers=HOME)
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"]).text


def orders_of(root: Path) -> list[str]:
    with read_study(root) as study:
        rows = [row.fact for row in study.store.rows()]
    return [fact.order.does for fact in rows if isinstance(fact, Steered)]


def test_each_form_gives_one_order_and_the_page_says_what_stands(
    client: TestClient, root: Path
) -> None:
    one = f"{good(root)}"
    assert "Ordered: pause." in say(client, root, "pause", reason="lunch")
    assert "Ordered: pin x0." in say(client, root, "pin", experiment="x0")
    say(client, root, "veto", experiment=one, reason=HOSTILE)
    say(client, root, "hold", way="file", name="train.py")
    page = say(client, root, "budget", resource="experiments", amount="50")
    for words in ("Paused by", "is built on", "is vetoed", "is held", "budget: 50 experiments"):
        assert words in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    page = say(client, root, "idea", text="wider & deeper")
    assert "wider &amp; deeper" in page
    assert "nobody here proposes in words" in page
    for act, form in (
        ("unpin", {"experiment": "0"}),
        ("unveto", {"experiment": one}),
        ("release", {"way": "file", "name": "train.py"}),
        ("drop", {"post": "1"}),
        ("resume", {}),
    ):
        page = say(client, root, act, **form)
    assert "is vetoed" not in page
    assert orders_of(root) == [
        "pause", "pin", "veto", "hold", "budget", "unpin", "unveto", "release", "resume",
    ]  # fmt: skip
    with read_study(root) as study:
        queued = [row.fact for row in study.store.rows() if isinstance(row.fact, Posted)]
    assert queued[-1].queued


@pytest.mark.parametrize(
    ("act", "form", "said"),
    [
        ("pin", {"experiment": "99"}, "no experiment x99"),
        ("pin", {"experiment": HOSTILE}, "is no experiment"),
        ("pin", {}, "is no experiment"),
        ("veto", {"experiment": "0"}, "cannot be vetoed"),
        ("hold", {"way": "moon", "name": "x"}, "a direction is one of"),
        ("budget", {"resource": "time", "amount": "1"}, "and no "),
        ("budget", {"resource": "hours", "amount": "a lot"}, "is no number"),
        ("budget", {"resource": "experiments", "amount": "1"}, "spent already"),
        ("stop", {}, "nobody works on the study now"),
        ("drop", {"post": "x"}, "is no post"),
        ("idea", {"text": " "}, "says nothing"),
    ],
)
def test_what_cannot_be_ordered_is_said_in_a_sentence(
    client: TestClient, root: Path, act: str, form: dict[str, str], said: str
) -> None:
    page = say(client, root, act, **form)
    assert said in page
    assert "<script>alert" not in page
    assert orders_of(root) == []


def test_a_form_of_another_site_orders_nothing(client: TestClient, root: Path) -> None:
    address, csrf = f"/s/{study_id(root)}/steer/do/pause", Key(token=TOKEN).csrf
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    for headers, given in ((HOME, "wrong"), (HOME, ""), (foreign, csrf), ({}, csrf)):
        assert client.post(address, data={"csrf": given}, headers=headers).status_code == 403
    assert client.get(address).status_code in (404, 405)
    assert orders_of(root) == []


def test_the_page_of_an_experiment_pins_and_vetoes_it_and_is_shown_again(
    client: TestClient, root: Path
) -> None:
    one = good(root)
    fields = {"csrf": Key(token=TOKEN).csrf, "experiment": f"{one}", "rest": f"/{one}"}
    base = f"/s/{study_id(root)}/experiment"
    answer = client.post(f"{base}/do/veto", data=fields, headers=HOME)
    assert answer.headers["location"].startswith(f"{base}/{one}?said=")
    page = client.get(answer.headers["location"]).text
    assert f"Ordered: veto x{one}." in page
    assert f'action="{base}/do/unveto"' in page
    assert "nothing is built on it" in page


def test_program_md_is_saved_as_shown_and_never_over_what_was_not(
    client: TestClient, root: Path
) -> None:
    mark = app.program_text(root).mark
    text = f"Try <b>wider</b>.\r\n{HOSTILE.replace(chr(27), '')}"
    page = say(client, root, "program", text=text, mark=mark)
    assert "program.md is saved." in page
    assert "&lt;b&gt;wider" in page
    assert (root / "program.md").read_text() == text.replace("\r\n", "\n")
    assert "has changed since it was shown" in say(client, root, "program", text="x", mark=mark)
    assert orders_of(root) == ["text"]


@pytest.mark.slow
def test_in_a_browser_it_is_usable_wide_and_narrow_light_and_dark(
    root: Path, open_page: OpenPage
) -> None:
    app.veto(root, good(root), reason="too good")
    (root / "program.md").write_text("one\ntwo\nthree\n")
    with serving(root) as served:
        narrow, page = (
            open_page(served, served.of(root, "steer"), width=width, dark=dark)
            for width, dark in ((380, False), (1280, True))
        )
        for each in (narrow, page):
            assert violations(each) == []
            assert not is_wider_than_its_window(each)
        narrow.close()
        page.fill("#program", "one\n2\nthree\n")
        page.wait_for_selector("#preview .added")
        assert page.inner_text("#preview .added") == "+ 2"
        assert page.inner_text("#preview .removed") == "- two"
        page.click("#save")
        page.wait_for_selector(".said")
        assert (root / "program.md").read_text() == "one\n2\nthree\n"
        page.click("text=Take back")
        page.wait_for_selector("text=Nothing stands")
        page.close()  # before its server goes
