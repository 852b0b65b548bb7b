"""The overview of studies, and what is shown where there is none."""

import shutil
from pathlib import Path

from web_parts import Studies, client_of

from move37.faces.web.server import study_id


def test_all_studies_are_on_one_page(studies: Studies) -> None:
    root, other = studies.of(3), studies.of(1000)
    client = client_of(root, other)
    text = client.get("/").text
    for each in (root, other):
        assert f'href="/s/{study_id(each)}"' in text
    assert "1,000" in text
    told = dict(client.get("/data/studies").json())
    assert told[study_id(other)]["claim"]["claim"] is True
    assert told[study_id(root)]["state"] == "idle"
    assert client.get(f"/s/{study_id(root)}").headers["location"].endswith("/progress")


def test_a_study_that_cannot_be_read_hides_no_other(studies: Studies, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / ".move37").mkdir(parents=True)
    (broken / ".move37" / "study.db").write_bytes(b"no database at all" * 100)
    client = client_of(broken, studies.of(3))
    text = client.get("/").text
    assert "unreadable" in text
    assert "is damaged or no database" in text
    assert study_id(studies.of(3)) in text
    assert client.get(f"/s/{study_id(broken)}/progress").status_code == 404


def test_without_a_study_the_page_says_how_to_begin(tmp_path: Path) -> None:
    client = client_of()
    assert "move37 run" in client.get("/").text
    assert client.get("/s/none-00000000/progress").status_code == 404
    assert client.get("/s/none-00000000/live").status_code == 404


def test_a_study_that_vanished_is_said_to_be_gone(studies: Studies, tmp_path: Path) -> None:
    root = tmp_path / "gone"
    shutil.copytree(studies.of(3), root)
    client = client_of(root)
    assert client.get(f"/s/{study_id(root)}/progress").status_code == 200
    shutil.rmtree(root)
    answer = client.get(f"/s/{study_id(root)}/progress")
    assert answer.status_code == 404
    assert "there is no study" in answer.text


def test_what_a_study_holds_is_text_and_never_markup(studies: Studies) -> None:
    root = studies.of(200, hostile=True)
    client = client_of(root)
    from move37.faces.web.pages import PAGES

    for address in ("/", *(f"/s/{study_id(root)}/{page.name}" for page in PAGES if not page.rest)):
        text = client.get(address).text
        assert "<script>alert" not in text, address
        assert "\u202e" not in text
        assert "\x1b" not in text
    assert "<" not in client.get("/data/studies").text
