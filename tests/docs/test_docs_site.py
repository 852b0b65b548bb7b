"""The documentation as a site: no dead links, and nothing in it that asks the network for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^\"' >]+"
    r"|url\([\"']?https?:[^)]+|@import[^;]+https?:[^;]+"
)


@pytest.mark.slow
def test_the_site_builds_without_a_dead_link_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("material")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    pages = [each for each in (tmp_path / "site").rglob("*") if each.suffix in (".html", ".css")]
    assert len(pages) > 40
    assert [found for page in pages for found in FOREIGN.findall(page.read_text())] == []


def test_every_page_is_reached_from_the_first_one() -> None:
    """GitHub shows the pages without the site's navigation."""
    linked = set(re.findall(r"\]\(([\w/-]+\.md)", (DOCS / "index.md").read_text(encoding="utf-8")))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.glob("*.md")} - {"index.md"}
    assert pages <= linked


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = set(
        re.findall(r"- ([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    )
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert pages == navigation, "name it in mkdocs.yml, below `nav`"


def test_the_readme_leads_to_the_tutorial() -> None:
    assert "(docs/tutorial.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
