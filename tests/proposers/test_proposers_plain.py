from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import TaskError
from move37.proposers.source.sites import Edit, Site, Sites, apply_edits


def sites(path: str, source: str) -> tuple[Site, ...]:
    return Sites().scan(path, source.encode()).sites


def spelled(path: str, source: str) -> dict[str, str]:
    return {site.name: site.text for site in sites(path, source)}


def turned(path: str, source: str, text: str) -> str:
    """With the first site spelled like this."""
    return apply_edits(source.encode(), [Edit(sites(path, source)[0], text)]).decode()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("q.sql", "SELECT a FROM b LIMIT 50 -- move37: int 1..100\n"),
        ("a.lua", "f(50) -- move37: int 1..100\n"),
        ("a.lisp", "(f 50) ; move37: int 1..100\n"),
        ("a.tex", "\\f{50} % move37: int 1..100\n"),
        ("a.html", "<p>50</p> <!-- move37: int 1..100 -->\n"),
        ("a.css", "p { width: 50 } /* move37: int 1..100 */\n"),
        ("Dockerfile", "# move37: int 1..100\nRUN f --level 50\n"),
    ],
)
def test_a_hint_makes_a_site_in_any_language(path: str, source: str) -> None:
    [site] = sites(path, source)
    assert (site.text, site.domain.low, site.domain.high) == ("50", 1, 100)


def test_a_choice_stands_anywhere_on_its_line() -> None:
    source = "WITH t AS MATERIALIZED (  -- move37: MATERIALIZED|NOT MATERIALIZED\n"
    [site] = sites("q.sql", source)
    assert site.domain.options == ("MATERIALIZED", "NOT MATERIALIZED")
    changed = turned("q.sql", source, "NOT MATERIALIZED")
    assert changed.startswith("WITH t AS NOT MATERIALIZED (")
    [again] = sites("q.sql", changed)
    assert (again.id, again.text) == (site.id, "NOT MATERIALIZED")


def test_options_and_words_are_not_taken_apart() -> None:
    assert spelled("a.sh", "gzip -6 a  # move37: int 1..9\n") == {"gzip": "6"}
    assert spelled("a.sql", "x1 = 7 + y2k -- move37: 1..9\n") == {"x1": "7"}
    assert spelled("a.sh", "head -c 64k a  # move37: 1..9\n") == {}
    assert spelled("a.sql", "a - -3 -- move37: -9..9\n") == {"a": "-3"}


def test_a_hint_that_cannot_be_read_says_where() -> None:
    with pytest.raises(TaskError, match=r"q\.sql, line 2: cannot read 'many'"):
        sites("q.sql", "SELECT 1\nLIMIT 5 -- move37: many\n")


def test_off_holds_in_any_language() -> None:
    source = "A=3\n# move37: off\nB=4\n# move37: on\nC=5  # move37: off\nD=6\n"
    assert spelled("a.sh", source) == {"A": "3", "D": "6"}


def test_shell_settings_are_sites_without_a_hint() -> None:
    source = '#!/bin/sh\nLEVEL=6\nexport WIDTH="64"\nBLOCK=${BLOCK:-512}\nMODE=fast  # fast, best\n'
    assert spelled("a.sh", source) == {"LEVEL": "6", "WIDTH": "64", "BLOCK": "512", "MODE": "fast"}
    assert spelled("run", source) == spelled("a.sh", source)
    assert turned("a.sh", source, "7") == source.replace("6\n", "7\n", 1)


def test_counters_flags_ports_and_what_is_computed_are_none() -> None:
    source = "i=5\ni=$((i + 1))\nPORT=8080\nDEBUG=1\nN=$(nproc)\nJOINED=a$N\nVERSION=3\n"
    assert spelled("a.sh", source) == {}


def test_seeds_are_none_by_whatever_way_they_arrive() -> None:
    source = 'START=42\nSEED=7  # move37: 1..99\nOTHER=9\nRANDOM=$START\nprog --seed "$OTHER"\n'
    assert spelled("a.sh", source) == {}


def test_lines_of_a_prompt_may_be_left_out_unless_something_is_put_into_them() -> None:
    source = "Be kind.\n\nRead {text}.\n<text>$text</text>\nSay good or bad.\n"
    found = sites("prompt.txt", source)
    assert [site.text for site in found] == ["Be kind.\n", "Say good or bad.\n"]
    assert turned("prompt.txt", source, "") == source.removeprefix("Be kind.\n")
    shorter = sites("prompt.txt", source.removeprefix("Be kind.\n"))
    assert [site.id for site in shorter] == [found[1].id]


def test_a_long_text_is_data() -> None:
    assert sites("corpus.txt", "A line.\n" * 500) == ()


def test_what_a_grammar_reads_is_left_to_it() -> None:
    scan = Sites().scan("a.py", b"x = (\ny = 3  # move37: 1..9\n")
    assert scan.sites == ()
    assert "does not parse" in scan.reason


def test_without_a_hint_the_reason_says_what_to_write() -> None:
    scan = Sites().scan("q.sql", b"SELECT 1 LIMIT 5\n")
    assert scan.reason.startswith("q.sql: no grammar reads '.sql' files, and no line has a hint")


LINES = st.lists(
    st.sampled_from(
        [
            "é = 5  # move37: 1..9",
            "A=64",
            "\u2028B=3",
            "x 3 -- move37: 2..4",
            "☃ Be kind.",
            "",
            "\t",
            "C=9\r",
        ]
    )
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    max_size=8,
)


@given(LINES, st.sampled_from(["a.sh", "a.sql", "a.txt", "Makefile", "x"]))
def test_a_site_is_exactly_its_bytes(lines: list[str], path: str) -> None:
    source = "\n".join(lines).encode()
    try:
        found = Sites().scan(path, source).sites
    except TaskError:
        return
    assert len({site.id for site in found}) == len(found)
    for site in found:
        assert source[site.start : site.end].decode() == site.text
        assert source[: site.start].count(b"\n") + 1 == site.line


def test_a_thousand_hints_take_no_time(tmp_path: Path) -> None:
    source = "\n".join(f"f {n} -- move37: 1..2000 log" for n in range(1, 1001))
    assert len(sites("q.sql", source)) == 1000
