"""Which studies a user has."""

from pathlib import Path

from move37.app.studies import known_studies, remember_study


def study(directory: Path) -> Path:
    (directory / ".move37").mkdir(parents=True)
    (directory / ".move37" / "study.db").touch()
    return directory


def test_studies_that_were_run_are_known_and_vanished_ones_passed_over(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path / "state")}
    one, two, here = (study(tmp_path / name) for name in ("öne \n", "two", "here"))
    assert known_studies(environment=home) == []
    for root in (one, two, one):
        remember_study(root, home)
    assert set(known_studies(environment=home)) == {one, two}
    assert known_studies([here], home)[0] == here
    (two / ".move37" / "study.db").unlink()
    assert known_studies([two], home) == [one]


def test_a_state_directory_that_cannot_be_used_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    home = {"XDG_STATE_HOME": str(tmp_path / "state")}
    remember_study(study(tmp_path / "one"), home)
    assert known_studies([tmp_path / "one"], home) == [tmp_path / "one"]
    junk = tmp_path / "junk" / "move37" / "studies"
    junk.mkdir(parents=True)
    (junk / "note").write_bytes(b"\0\xff/nowhere")
    (junk / "other").write_bytes(b"relative")
    assert known_studies(environment={"XDG_STATE_HOME": str(tmp_path / "junk")}) == []
