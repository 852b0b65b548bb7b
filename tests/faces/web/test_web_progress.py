"""The page of progress, and the columns that it draws."""

import json

from web_parts import Studies, client_of

from move37.faces.web.server import study_id


def test_the_page_tells_in_words_what_the_chart_shows(studies: Studies) -> None:
    root = studies.of(1000)
    client, base = client_of(root), f"/s/{study_id(root)}"
    text = client.get(f"{base}/progress").text
    assert "certified (95 % interval" in text
    assert "Believed better than everything before" in text
    assert "move 37" in text
    assert "<style" not in text
    assert ' style="' not in text


def test_the_columns_hold_every_experiment_of_the_part_that_is_asked_for(studies: Studies) -> None:
    root = studies.of(1000)
    client, base = client_of(root), f"/s/{study_id(root)}/progress/data"
    told = client.get(f"{base}/points").json()
    assert told["experiments"] == 1000
    assert told["total"] == told["measured"] == len(told["id"]) == len(told["x"]) == len(told["y"])
    assert told["star_id"]
    assert set(told["star_id"]) <= set(told["claim_id"])
    part = client.get(f"{base}/points?axis=time&from=0.01&to=0.02").json()
    assert 0 < len(part["id"]) < len(told["id"])
    assert all(0.01 <= x <= 0.02 for x in part["x"])
    some = told["id"][5]
    assert client.get(f"{base}/about?id={some}").json()["experiment"] == some


def test_what_cannot_be_answered_is_said_in_a_sentence(studies: Studies) -> None:
    root = studies.of(3)
    client, base = client_of(root), f"/s/{study_id(root)}/progress/data"
    for query, reason in (
        ("points?axis=<script>", "there is no axis"),
        ("points?from=nan", "is no number"),
        ("points?to=1e999", "is no number"),
        ("about?id=99", "there is no experiment x99"),
        ("about?id=-1", "there is no experiment"),
        ("nothing", "there is no such data"),
    ):
        answer = client.get(f"{base}/{query}")
        assert answer.status_code == 404
        assert reason in answer.json()["error"]
        assert "<" not in answer.text


def test_hostile_words_come_as_data_and_nothing_else(studies: Studies) -> None:
    root = studies.of(200, hostile=True)
    client, base = client_of(root), f"/s/{study_id(root)}/progress/data"
    for query in ("points", "about?id=7"):
        answer = client.get(f"{base}/{query}")
        assert "<" not in answer.text
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.text)
