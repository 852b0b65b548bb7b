"""Whatever a study does, the user's files, index, branches and stash are as they were."""

from pathlib import Path

from user_repository import dirty, everything, git, git_settings

from move37 import app

__all__ = ["dirty", "git_settings"]

TASK = """\
goal = "Lower the loss."

[files]
edit = ["new dir/*.toml"]

[evaluate]
run = "sh run.sh"
timeout = "30s"

[metric]
name = "loss"
goal = "minimize"
"""

EVALUATE = """\
echo changed > committed.txt; rm -f untracked.txt; chmod 777 . 2>/dev/null
awk -F ' = ' '/rate/ { print "loss: " ($2 - 2) ^ 2 }' "new dir/ü.toml"
"""


def seen(root: Path) -> dict[str, object]:
    """All but the study itself, whose directory's own times come with it."""
    return {
        path: about
        for path, about in everything(root).items()
        if path != str(root) and Path(path).relative_to(root).parts[0] != ".move37"
    }


def test_no_command_but_apply_and_branch_touches_anything(dirty: Path, tmp_path: Path) -> None:
    (dirty / ".move37" / "study.db").unlink()
    (dirty / "move37.toml").write_text(TASK)
    (dirty / "new dir" / "ü.toml").write_text("rate = 0.5\n")
    (dirty / "run.sh").write_text(EVALUATE)
    git(dirty, "add", "move37.toml")
    before = seen(dirty)
    result = app.run(dirty, app.RunSettings(experiments=5, workers=1))
    assert result.certified is not None
    app.status(dirty)
    app.list_experiments(dirty)
    app.show(dirty, 1)
    app.best(dirty)
    app.diff(dirty)
    app.patch(dirty)
    app.report(dirty, tmp_path / "report")
    assert app.verify(dirty).ok
    assert seen(dirty) == before
    assert git(dirty, "status", "--porcelain", "--ignored=no").count(".move37") == 0


def test_branch_adds_a_branch_and_apply_changes_the_files_of_the_champion(dirty: Path) -> None:
    (dirty / ".move37" / "study.db").unlink()
    (dirty / "move37.toml").write_text(TASK)
    (dirty / "new dir" / "ü.toml").write_text("rate = 0.5\n")
    (dirty / "run.sh").write_text(EVALUATE)
    git(dirty, "add", "move37.toml", "run.sh", "new dir/ü.toml")
    git(dirty, "commit", "-qm", "a task")
    app.run(dirty, app.RunSettings(experiments=5, workers=1))
    before, stash = seen(dirty), git(dirty, "stash", "list")
    app.branch(dirty, "better")
    after = seen(dirty)
    new = {path for path in after.keys() - before.keys() if "/.git/objects/" not in path}
    assert {Path(path).name for path in new} <= {"better"}
    assert "ü.toml" in git(
        dirty, "-c", "core.quotepath=off", "diff", "--name-only", "HEAD", "better"
    )
    files = {path: about for path, about in after.items() if "/.git/" not in path}
    app.apply(dirty)
    changed = {path for path, about in files.items() if seen(dirty)[path] != about}
    assert {Path(path).name for path in changed} == {"ü.toml", "new dir"}
    assert git(dirty, "stash", "list") == stash
