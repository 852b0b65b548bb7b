"""Every page in a real browser: light and dark, narrow and wide, by keyboard, and while a run goes on."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from web_parts import OpenPage, Served, Studies, is_wider_than_its_window, serving, violations

from move37 import app
from move37.faces.web.pages import PAGES
from move37.testing.beliefs import MeanBeliefs

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
MINE = ("progress", "tree")


@pytest.fixture(scope="module")
def served(studies: Studies) -> Iterator[Served]:
    with serving(studies.of(3), studies.of(1000), studies.of(200, hostile=True)) as served:
        yield served


def is_drawn(page: "Page") -> None:
    page.wait_for_selector("[data-drawn]")


@pytest.mark.parametrize(
    ("width", "dark"), [(380, False), (380, True), (1920, False), (1920, True)]
)
def test_pages_fit_and_everybody_can_use_them(
    served: Served, studies: Studies, open_page: OpenPage, width: int, dark: bool
) -> None:
    page = open_page(served, served.address, width=width, dark=dark)
    assert page.get_by_role("link", name="loss").count() >= 2
    assert not is_wider_than_its_window(page)
    assert violations(page) == []
    for root in (studies.of(3), studies.of(1000)):
        for name in MINE:
            page.goto(served.of(root, name))
            is_drawn(page)
            assert not is_wider_than_its_window(page), name
            assert violations(page) == [], name


def test_strangers_words_do_nothing_in_a_page(
    served: Served, studies: Studies, open_page: OpenPage
) -> None:
    root = studies.of(200, hostile=True)
    page = open_page(served, served.of(root, "tree"))
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    is_drawn(page)
    page.get_by_role("treeitem").first.click()
    for each in PAGES:
        if not each.rest:
            page.goto(served.of(root, each.name))
    page.goto(served.of(root, "progress"))
    is_drawn(page)
    page.locator("#progress").focus()
    page.keyboard.press("End")
    page.wait_for_selector("#tip:not([hidden])")
    assert "<script>alert(1)</script>" in (page.locator("#tip").text_content() or "")


def test_the_keyboard_is_enough(served: Served, studies: Studies, open_page: OpenPage) -> None:
    page = open_page(served, served.of(studies.of(1000), "progress"))
    is_drawn(page)
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator("#progress").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#tip:not([hidden])")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/tree")
    is_drawn(page)
    page.get_by_role("treeitem").first.focus()
    before = page.get_by_role("treeitem").count()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "n => document.querySelectorAll('[role=treeitem]').length > n", arg=before
    )
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("treeitem").count() == before


def test_zooming_in_asks_for_the_part_that_is_looked_at(
    served: Served, studies: Studies, open_page: OpenPage
) -> None:
    page = open_page(served, served.of(studies.of(1000), "progress"))
    is_drawn(page)
    box = page.locator("#progress").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    with page.expect_response(lambda answer: "from=" in answer.url) as part:
        page.mouse.wheel(0, -600)
    assert part.value.json()["total"] < 900
    page.get_by_role("button", name="Show all").click()
    page.wait_for_selector("#whole", state="hidden")
    with page.expect_response(lambda answer: "axis=dollars" in answer.url):
        page.get_by_role("button", name="Dollars").click()


def test_a_page_follows_a_run_that_goes_on(tmp_path: Path, open_page: OpenPage) -> None:
    task = _task(tmp_path / "live")
    _run(task, 1)
    with serving(task) as served:
        page = open_page(served, served.of(task, "progress"))
        is_drawn(page)
        running = Thread(target=_run, args=(task, 4))
        running.start()
        page.wait_for_selector('#progress[data-drawn="4"]', timeout=120_000)
        running.join()
        page.wait_for_selector("#state:not(.on)")
        assert "4" in (page.locator("#figures").text_content() or "")
        page.close()


def test_a_hundred_thousand_experiments_are_drawn_at_once(
    studies: Studies, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Belief has nothing to do with pages, and would take minutes to fold so many facts.
    monkeypatch.setattr("move37.app.study.LineagePosterior", lambda: MeanBeliefs(noise=0.02))
    monkeypatch.setattr("move37.app.study.Ledger", _no_ledger)
    root = studies.of(100_000)
    with serving(root) as served:
        page = open_page(served, served.of(root, "progress"))
        page.set_default_timeout(120_000)
        is_drawn(page)
        page.reload()
        is_drawn(page)
        assert "of 8" in (page.locator("#sampled").text_content() or ""), "a part of the dots"
        page.goto(served.of(root, "tree"))
        is_drawn(page)
        page.close()


def _no_ledger(beliefs: object) -> MeanBeliefs:
    return MeanBeliefs()


def _run(task: Path, experiments: int) -> None:
    app.run(task, app.RunSettings(experiments=experiments, workers=1, certify=False, check=False))


def _task(directory: Path) -> Path:
    directory.mkdir()
    (directory / "program.py").write_text("rate = 0.01\nwidth = 64\n")
    (directory / "evaluate.sh").write_text(
        "awk -F ' = ' '/rate/ { x += (log($2) + 2) ^ 2 } END { printf \"loss: %.6f\\n\", x }' program.py\n"
    )
    (directory / "move37.toml").write_text(
        'goal = "Lower the loss."\n[files]\nedit = ["program.py"]\n[evaluate]\nrun = "sh evaluate.sh"\n'
        'timeout = "30s"\n[metric]\nname = "loss"\ngoal = "minimize"\n'
    )
    return directory
