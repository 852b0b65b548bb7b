from pathlib import Path

import pytest

from move37 import app
from move37.core.errors import HomeError, TaskError


def test_the_skill_has_what_clients_ask_of_its_head() -> None:
    head, body = app.skill_text().removeprefix("---\n").split("\n---\n", 1)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields["name"] == "move37"  # as the directory is called
    assert 1 <= len(fields["description"]) <= 1024
    assert len(body.splitlines()) < 500
    for command in ("move37 brief", "move37 propose", "move37 wait"):
        assert command in body


@pytest.mark.parametrize("client", [*app.CLIENTS, "all"])
def test_it_is_written_where_the_client_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for user in (False, True):
        done = app.install_skill(tmp_path / "project", client, user=user)
        assert done.files == done.written
        assert all(path.read_text() == app.skill_text() for path in done.files)
        assert all(path.parts[-2:] == ("move37", "SKILL.md") for path in done.files)
        assert app.install_skill(tmp_path / "project", client, user=user).written == ()
    assert not list(tmp_path.glob("project/.codex"))


def test_all_clients_find_it_in_two_places(tmp_path: Path) -> None:
    done = app.install_skill(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in done.files} == {
        ".claude/skills/move37/SKILL.md",
        ".agents/skills/move37/SKILL.md",
    }


def test_a_file_of_the_users_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    theirs = tmp_path / ".agents/skills/move37/SKILL.md"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(HomeError, match="--force"):
        app.install_skill(tmp_path)
    assert theirs.read_text() == "mine"
    assert not (tmp_path / ".claude").exists()
    app.install_skill(tmp_path, force=True)
    assert theirs.read_text() == app.skill_text()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text(app.skill_text())
    link = tmp_path / ".claude/skills/move37/SKILL.md"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    with pytest.raises(HomeError, match="--force"):
        app.install_skill(tmp_path, "claude")
    target.write_text("theirs")
    app.install_skill(tmp_path, "claude", force=True)
    assert target.read_text() == "theirs"
    assert not link.is_symlink()


def test_what_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="unknown client 'emacs'; choose claude, codex"):
        app.install_skill(tmp_path, "emacs")
    (tmp_path / ".claude").write_text("a file")
    with pytest.raises(HomeError, match="cannot be written"):
        app.install_skill(tmp_path, "claude")
