"""The tree of programs, a level at a time."""

from web_parts import Studies, client_of

from move37.faces.web.server import study_id


def test_the_line_and_its_branches_are_the_whole_tree(studies: Studies) -> None:
    root = studies.of(200)
    client, base = client_of(root), f"/s/{study_id(root)}/tree/data"
    line = client.get(f"{base}/line").json()
    assert line["nodes"][0]["experiment"] == 0
    assert line["nodes"][0]["visits"] == 201
    assert line["nodes"][-1]["is_champion"]
    assert [node["depth"] for node in line["nodes"]] == list(range(line["total"]))
    seen, left = set[int](), [0]
    while left:
        id, skip = left.pop(), 0
        seen.add(id)
        while True:
            found = client.get(f"{base}/children?id={id}&skip={skip}").json()
            visits = [node["visits"] for node in found["nodes"]]
            assert visits == sorted(visits, reverse=True)
            left += [node["experiment"] for node in found["nodes"]]
            skip += len(found["nodes"])
            if skip >= found["total"]:
                break
    assert seen == set(range(201))


def test_experiments_are_found_by_number_and_by_words(studies: Studies) -> None:
    root = studies.of(200)
    client, base = client_of(root), f"/s/{study_id(root)}/tree/data"
    for text in ("x17", "17", " X17 "):
        found = client.get(f"{base}/find", params={"q": text}).json()
        assert [node["experiment"] for node in found["nodes"]] == [17]
    words = client.get(f"{base}/find", params={"q": "MOMENTUM"}).json()
    assert words["total"] > 10
    assert all("momentum" in node["hypothesis"] for node in words["nodes"])
    for nothing in ("x999", "", "no such words", "9" * 40, "²"):
        assert client.get(f"{base}/find", params={"q": nothing}).json()["total"] == 0
    assert client.get(f"{base}/children?id=999").status_code == 404
    assert client.get(f"{base}/children?id=-1").status_code == 404
