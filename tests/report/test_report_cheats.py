"""The cheat report and an ablation, as people read them."""

from move37.core.facts import Ablated, AblationOpened
from move37.core.records import CheatReport, EditEffect, Interval, Remark
from move37.report.ablation import ablation_text, ablation_view
from move37.report.cheats import cheats_text
from move37.report.words import cells
from move37.testing.histories import MadeUpStudy, made_up_task

SERIOUS = Remark(
    topic="patch",
    gravity="serious",
    what="replaces prepare.evaluate, which belongs to another module",
    why="changing the code that measures changes the measurement, not the program",
    path="train.py",
    line=31,
)
NOTE = Remark(topic="timing", gravity="note", what="reads the clock", why="w", path="a.py", line=2)
SHOWN = Remark(topic="seed", gravity="look", what="gives the same number", why="one draw of luck")


def test_a_change_without_remarks_says_what_was_looked_for() -> None:
    text = cheats_text(CheatReport(experiment=3, remarks=()))
    assert text.startswith("cheat report of x3\n  nothing found: timing, seeds")


def test_a_remark_says_how_grave_where_what_and_why() -> None:
    text = cheats_text(CheatReport(experiment=3, remarks=(SERIOUS,)), width=None)
    assert text == (
        "cheat report of x3: 1 serious\n"
        "  serious train.py:31  the change replaces prepare.evaluate, which belongs to another "
        "module; changing the code that measures changes the measurement, not the program"
    )


def test_what_the_trials_show_has_no_place_in_a_file() -> None:
    text = cheats_text(CheatReport(experiment=3, remarks=(SHOWN,)), width=None)
    assert "look    it gives the same number; one draw of luck" in text


def test_notes_are_counted_where_there_is_little_room() -> None:
    report = CheatReport(experiment=3, remarks=(SERIOUS, SHOWN, NOTE))
    text = cheats_text(report, least="look")
    assert "reads the clock" not in text
    assert "1 serious, 1 to look at, 1 to note" in text
    assert text.endswith("1 note more in `move37 show x3`")
    assert "reads the clock" in cheats_text(report)


def test_lines_fit_and_a_file_name_cannot_speak_to_the_terminal() -> None:
    evil = Remark(
        topic="patch",
        gravity="serious",
        what="does \x1b[2J things " * 9,
        why="w",
        path="\x1b]0;x\x07a.py",
        line=1,
    )
    text = cheats_text(CheatReport(experiment=3, remarks=(evil,)), width=60)
    assert all(cells(line) <= 60 for line in text.splitlines())
    assert "\x1b" not in text


def ablated(pruned: int | None) -> tuple[MadeUpStudy, AblationOpened, Ablated]:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.0, 3.1)
    study.experiment(2.0)
    study.experiment(2.0, parents=(1,))
    opened = AblationOpened(ablation=0, experiment=1, edits=3, first=1, margin=0.05, trials=48)
    effects = (
        _effect(
            "LEARNING_RATE = 0.001 → 0.003",
            Interval(effect=-1.0, low=-1.1, high=-0.9, level=0.9, pairs=3),
            kept=True,
        ),
        _effect(
            "a very long line of code that was changed somewhere (+12 -3 lines)", None, kept=True
        ),
        _effect(
            "label = 1 → 2", Interval(effect=0.0, low=0.0, high=0.0, level=0.9, pairs=3), kept=False
        ),
    )
    done = Ablated(
        ablation=0, experiment=1, effects=effects, pruned=pruned, reason="2 of 3 edits of x1 matter"
    )
    study.add(opened)
    study.add(done)
    return study, opened, done


def _effect(label: str, interval: Interval | None, *, kept: bool) -> EditEffect:
    return EditEffect(
        label=label,
        places=("train.py:17",),
        steps=(1,),
        experiment=2,
        effect=interval,
        kept=kept,
        reason="it fails without it (NameError)",
    )


def test_an_ablation_is_a_table_with_a_line_for_each_edit() -> None:
    study, opened, done = ablated(pruned=2)
    view = ablation_view(study.task, study.history, opened, done)
    assert (view.kept, view.dropped, view.pruned) == (2, 1, 2)
    text = ablation_text(view, width=100)
    assert text.startswith("x1: 3 edits, 1 dropped")
    assert all(cells(line) <= 100 for line in text.splitlines())
    (line,) = [line for line in text.splitlines() if "LEARNING_RATE" in line]
    assert line.split()[5:] == ["-1.000", "-1.100", "to", "-0.900", "kept", "train.py:17"]
    assert "The champion is x2 now" in text


def test_the_history_knows_what_was_pruned_from_what() -> None:
    study, *_ = ablated(pruned=2)
    assert study.history.pruned(1) == 2
    assert study.history.pruned_from(2) == 1
    assert study.history.pruned_from(1) is None
    assert study.history.pruned_from(None) is None
    assert ablated(pruned=None)[0].history.pruned(1) is None
