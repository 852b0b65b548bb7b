"""The written report, opened from disk in a real browser without a network."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from move37.core.records import Verdict
from move37.report.chapters import document
from move37.report.html import html_page
from move37.report.morning import EditStory, Program, morning
from move37.testing.histories import MadeUpStudy, made_up_task

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.0, 3.1, 2.9)
    study.experiment(2.5, hypothesis="a long hypothesis without end " * 9)
    for index in range(30):
        study.failure(reason=f"{'w' * 300} {index}", output="printed\n" * 3)
    study.certificate(1, effect=0.5, margin=0.1, base=3.0)
    edit = EditStory(
        label="rate = 0.1 → 0.3 " + "x" * 120, places=("train.py:3",), old="a\nb", new="c\nd", steps=(1,),
        effect=0.3, interval=(0.2, 0.4), level=0.9, pairs=3, reason="it is needed",
    )  # fmt: skip
    program = Program(diff="--- a\n+++ b\n@@ -1 +1 @@\n-" + "y" * 390 + "\n+z\n", edits=(edit,))
    told = morning(
        study.task, study.history, study.beliefs, 1,
        judge=lambda one: (Verdict.UNCLEAR, ""), version="0", program=lambda one: program,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html_page(document(told)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (380, "light")])
def test_it_reads_well_offline_light_dark_and_narrow(
    browser: "Browser", page_file: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # pyright: ignore[reportArgumentType]
        offline=True,
        bypass_csp=True,  # for axe alone: the page itself has no script
    )
    try:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda asked: said.append(asked.url))
        page.goto(page_file.as_uri())
        assert said == [page_file.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = axe.Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    finally:
        context.close()
