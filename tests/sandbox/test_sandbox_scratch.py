"""Directories that a hostile program has written in."""

import os
import stat
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from move37.sandbox import scratch

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def dig(directory: Path, depth: int, name: str = "d") -> None:
    """Directories in directories."""
    descriptor = os.open(directory, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


@pytest.mark.parametrize(
    ("depth", "name"), [(60, "d" * 100), pytest.param(1500, "d", marks=pytest.mark.slow)]
)
def test_a_tree_of_any_depth_is_removed(tmp_path: Path, depth: int, name: str) -> None:
    """Longer than a path may be; deeper than functions may call themselves."""
    (tmp_path / "tree").mkdir()
    dig(tmp_path / "tree", depth, name)
    scratch.remove(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_removing_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    scratch.remove(tmp_path / "tree")
    scratch.remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (tmp_path / "precious" / "file").read_text() == "kept"


def test_a_link_in_the_place_of_a_fresh_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    (tmp_path / "place").symlink_to("precious")
    assert not scratch.fresh(tmp_path / "place").is_symlink()
    assert (tmp_path / "precious" / "file").read_text() == "kept"


def test_removing_nothing_is_fine(tmp_path: Path) -> None:
    scratch.remove(tmp_path / "nothing")


def test_a_fresh_directory_is_empty_and_ours_alone(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir(mode=0o777)
    (tmp_path / "place" / "old").write_text("old")
    os.setxattr(tmp_path / "place", "user.note", b"from one trial to the next")
    made = scratch.fresh(tmp_path / "place")
    assert list(made.iterdir()) == []
    assert os.listxattr(made) == []
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


names = st.sampled_from(["a", "b", "c", "d"])
trees = st.recursive(
    st.sampled_from(["file", "fifo", "link", "locked"]),
    lambda inner: st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


def build(place: Path, tree: object) -> None:
    match tree:
        case "file":
            place.write_text("content")
            place.chmod(0)
        case "fifo":
            os.mkfifo(place)
        case "link":
            place.symlink_to("/")
        case "locked":
            (place / "inner").mkdir(parents=True)
            place.chmod(0)
        case dict():
            place.mkdir()
            for name, inner in tree.items():  # pyright: ignore[reportUnknownVariableType]
                build(place / str(name), inner)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            raise AssertionError(tree)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(names, trees, max_size=4))
def test_any_tree_can_be_measured_and_removed(tmp_path: Path, tree: dict[str, object]) -> None:
    build(tmp_path / "tree", tree)
    *_, total = scratch.measure([tmp_path / "tree"])
    assert total >= 4096 * len(tree)
    scratch.remove(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_measuring_counts_content_and_entries_but_not_holes(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(os.urandom(1_000_000))
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(10**12)
    os.link(tmp_path / "content", tmp_path / "again")
    *_, total = scratch.measure([tmp_path])
    assert 1_000_000 <= total < 1_100_000


def test_a_tree_too_deep_to_measure_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    dig(tmp_path / "tree", 250)
    *_, total = scratch.measure([tmp_path / "tree"])
    assert total > 10**15


class TestReadFile:
    def test_an_ordinary_file_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "units.json").write_bytes(b"{}")
        assert scratch.read_file(tmp_path, "folder/units.json", limit=2) == b"{}"

    def test_one_that_is_too_big_is_not(self, tmp_path: Path) -> None:
        (tmp_path / "units.json").write_bytes(b"{ }")
        assert scratch.read_file(tmp_path, "units.json", limit=2) is None

    def test_links_pipes_and_directories_are_not_files(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "file").write_text("secret")
        (tmp_path / "link").symlink_to("real/file")
        (tmp_path / "folder").symlink_to("real")
        os.mkfifo(tmp_path / "pipe")
        for name in ("link", "folder/file", "pipe", "real", "missing"):
            assert scratch.read_file(tmp_path, name, limit=99) is None, name

    @pytest.mark.parametrize("name", ["../file", "/etc/passwd", "a/../../b", "", "."])
    def test_a_path_that_leads_out_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match="not a path inside"):
            scratch.read_file(tmp_path, name, limit=99)


@needs_root
class TestHandOver:
    USER = 61_999

    def hand_over(self, directory: Path, *keep: str) -> None:
        scratch.hand_over(
            directory, uid=self.USER, gid=self.USER, keep=[PurePosixPath(path) for path in keep]
        )

    def test_what_is_kept_stays_ours_with_the_directories_above_it(self, tmp_path: Path) -> None:
        (tmp_path / "a/b").mkdir(parents=True)
        for name in ("a/b/kept", "a/b/given", "a/given"):
            (tmp_path / name).write_text("")
        self.hand_over(tmp_path, "a/b/kept")
        owners = {name: (tmp_path / name).stat().st_uid for name in ("a", "a/b", "a/b/kept")}
        assert set(owners.values()) == {0}
        assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o1770
        assert (tmp_path / "a/b/given").stat().st_uid == self.USER

    def test_links_are_given_away_and_not_what_they_point_to(self, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "file").write_text("")
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
        self.hand_over(tmp_path / "tree")
        assert (tmp_path / "tree" / "link").lstat().st_uid == self.USER
        assert (tmp_path / "outside").stat().st_uid == 0
        assert (tmp_path / "outside" / "file").stat().st_uid == 0

    def test_a_second_hard_link_does_not_give_a_kept_file_away(self, tmp_path: Path) -> None:
        (tmp_path / "kept").write_text("")
        for name in ("aaa", "zzz"):
            os.link(tmp_path / "kept", tmp_path / name)
        self.hand_over(tmp_path, "kept")
        assert (tmp_path / "kept").stat().st_uid == 0

    def test_a_tree_deeper_than_we_look_is_no_obstacle(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        dig(tmp_path / "tree", 250)
        self.hand_over(tmp_path / "tree")
        assert (tmp_path / "tree" / "d").stat().st_uid == self.USER
        scratch.remove(tmp_path / "tree")
