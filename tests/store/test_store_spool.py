import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from move37.core.errors import Refused
from move37.store.letter import LETTER_BYTES, Letter
from move37.store.spool import Spool, is_ticket, new_ticket


def letter(**given: object) -> Letter:
    fields: dict[str, object] = {
        "author": "ada",
        "hypothesis": "a wider layer",
        "base": None,
        "predicted_effect": None,
        "changes": {"train.py": b"width = 2\n"},
        **given,
    }
    return Letter(**fields)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "inbox")
    made.make()
    return made


def reasons(spool: Spool) -> list[str]:
    return [path.read_text() for path in sorted((spool.directory / "aside").glob("*.why"))]


def test_what_is_handed_in_comes_out_as_it_was_until_it_is_done(spool: Spool) -> None:
    strange = letter(
        hypothesis="größer · 大きい 🎲", changes={"ü/ß.bin": bytes(range(256)), "b": None}
    )
    ticket = spool.put(strange)
    assert list(spool.letters()) == list(spool.letters()) == [(ticket, strange)]
    spool.done(ticket)
    assert not spool.has_letters()


def test_letters_come_out_in_the_order_they_went_in(spool: Spool) -> None:
    tickets = [spool.put(letter(hypothesis=f"number {n}")) for n in range(3)]
    assert [ticket for ticket, _ in spool.letters()] == sorted(tickets)
    assert all(map(is_ticket, tickets))


def test_only_the_owner_can_write_or_read_unless_it_is_shared(spool: Spool) -> None:
    spool.put(letter())
    new = spool.directory / "new"
    assert new.stat().st_mode & 0o7777 == 0o700
    assert next(new.iterdir()).stat().st_mode & 0o777 == 0o600
    spool.make("group")
    assert new.stat().st_mode & 0o7777 == 0o3770
    spool.make()
    assert new.stat().st_mode & 0o7777 == 0o3770
    spool.make("all")
    assert new.stat().st_mode & 0o7777 == 0o1733


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"changes": {}}, "changes no file"),
        ({"changes": {f"{n}.py": b"" for n in range(1001)}}, "1,001 files"),
        ({"hypothesis": "  "}, "no hypothesis"),
        ({"hypothesis": "x" * 4001}, "longer than 4,000"),
        ({"author": "x" * 81}, "longer than 80"),
        ({"base": -1}, "x-1"),
        ({"changes": {"a": b"x" * LETTER_BYTES}}, "at most"),
        ({"changes": {"\udcff": b"x"}}, "Unicode"),
    ],
)
def test_what_would_be_set_aside_is_refused_at_once(
    spool: Spool, spoilt: dict[str, object], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        spool.put(letter(**spoilt))
    assert not spool.has_letters()


def hostile(new: Path) -> int:
    """Things that are no letters; how many."""

    def name() -> Path:
        return new / f"{new_ticket()}.json"

    os.mkfifo(name())
    name().symlink_to("/etc/passwd")
    name().symlink_to("/dev/zero")
    name().symlink_to(new / "nowhere")
    name().mkdir()
    with name().open("wb") as huge:
        huge.truncate(1 << 40)
    name().write_bytes(b"")
    name().write_bytes(b"\xff\xfe\0")
    name().write_bytes(b"[" * 1_000_000)
    name().write_text(json.dumps({"author": "x"}))
    name().write_text(json.dumps({"changes": {"a": "not base64!"}, "hypothesis": "x", "author": "",
                                  "base": None, "predicted_effect": None}))  # fmt: skip
    name().write_text(
        '{"author":"x","hypothesis":"x","base":0,"predicted_effect":1e999,"changes":{"a":""}}'
    )
    name().write_text(
        '{"author":"x","hypothesis":"x","base":1.5,"predicted_effect":null,"changes":{"a":""}}'
    )
    (new / "letter.json").write_text("{}")
    (new / "-rf *\n.json").write_text("{}")
    (new / ("x" * 250)).write_text("{}")
    return len(list(new.iterdir()))


def test_hostile_files_are_set_aside_with_a_reason_and_the_good_one_is_read(spool: Spool) -> None:
    many = hostile(spool.directory / "new")
    ticket = spool.put(letter())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(spool.directory / "new" / f"{new_ticket()}.json"))
        assert [found for found, _ in spool.letters()] == [ticket]
    assert len(reasons(spool)) == many + 1
    assert all(reason.strip() for reason in reasons(spool))
    spool.done(ticket)
    assert not spool.has_letters()


def test_its_author_can_learn_why_a_letter_was_set_aside(spool: Spool) -> None:
    ticket = spool.put(letter())
    spool.set_aside(ticket, "it changes x9, which has no program in this study")
    assert spool.refusal(ticket) == "it changes x9, which has no program in this study"
    assert spool.refusal(new_ticket()) is None
    assert spool.refusal("../../../etc/passwd") is None


def test_what_is_set_aside_does_not_fill_the_disk(spool: Spool) -> None:
    for number in range(1500):
        (spool.directory / "new" / f"{number}.json").write_text("{}")
        if number % 100 == 99:
            assert list(spool.letters()) == []
    assert len(list((spool.directory / "aside").iterdir())) <= 401


@with_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_content_can_raise(spool: Spool, content: bytes) -> None:
    (spool.directory / "new" / f"{new_ticket()}.json").write_bytes(content)
    assert list(spool.letters()) == []
    assert not spool.has_letters()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_another_user_can_hand_in_where_it_is_shared_and_is_named(tmp_path: Path) -> None:
    shared = Path(tmp_path.anchor, "tmp", f"spool-{os.getpid()}")  # tmp_path is closed to others
    spool = Spool(shared)
    try:
        spool.make("all")
        assert _as_user(65534, lambda: spool.put(letter(author="bob"))) == 0
        assert _as_user(65534, lambda: list((shared / "new").iterdir())) == 1
        [(ticket, found)] = spool.letters()
        assert found.author.startswith("bob (")
        assert _as_user(65533, lambda: (shared / "new" / f"{ticket}.json").unlink()) == 1
        spool.make("owner")
        assert _as_user(65534, lambda: spool.put(letter())) == 1
    finally:
        _remove(shared)


def _as_user(uid: int, act: object) -> int:
    """0 when it worked."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            act()  # pyright: ignore[reportCallIssue]
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _remove(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory)
