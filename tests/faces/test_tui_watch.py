"""`move37 watch`: pages, keys, and text that means harm, on a real study."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from watched_study import screen, turn, until, watch, write_watched

from move37 import app
from move37.app.study import read_study
from move37.faces.tui.dress import Dress, dress_for
from move37.faces.tui.pages import PAGES, Standing
from move37.faces.tui.watch import Watch

HOSTILE = "\x1b]0;owned\x07\x1b[2J[bold red]not markup[/] \u202egnihtyna\r\nsecond"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five experiments, and one whose words mean harm."""
    root = write_watched(tmp_path_factory.mktemp("watched") / "task")
    settings = app.RunSettings(experiments=5, workers=1, certify=False, check=False)
    app.run(root, settings)
    change = app.Change(files={"program.py": b"rate = 0.1\nwidth = 65\n"})
    app.propose(root, change, hypothesis=HOSTILE, author="mallory\x1b[31m")
    app.run(root, app.RunSettings(experiments=6, workers=1, certify=False, check=False))
    app.post(root, "lesson", HOSTILE, author="mallory\x1b[31m")
    return root


def test_every_page_shows_its_facts_at_80_by_24(study: Path) -> None:
    expected = {
        "status": ("baseline", "champion", "budget", "6 of 6 experiments", "no engine is at work"),
        "chart": ("measured", "baseline", "loss, lower is better", "6 experiments"),
        "list": ("hypothesis", "x6", "x0", "baseline", "by newest"),
        "experiment": ("believed", "effect", "trial", "commit"),
        "tree": ("x0", "▾"),
        "referee": ("noise", "alpha", "0 of 0.05 spent", "nobody has checked it"),
        "proposers": ("tune", "share", "an hour"),
        "board": ("p1 lesson by mallory", "not markup"),
        "log": ("search trial 0", "x6 proposed", "an engine began"),
    }

    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        for key, page in enumerate(PAGES, 1):
            shown = await turn(watched, pilot, str(key))
            for word in expected[page]:
                assert word in shown, (page, word, shown)
            lines = screen(watched)
            assert len(lines) == 24
            assert {len(line) for line in lines} == {80}
            assert f"{key}:{page}" in lines[1]
            assert lines[-1].startswith("q quit")

    watch(study, play)


def test_an_experiment_is_opened_stepped_compared_and_left(study: Path) -> None:
    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        await turn(watched, pilot, "3")
        await pilot.press("down")
        assert watched.pane.chosen == 5
        assert "x5" in await turn(watched, pilot, "enter")
        await turn(watched, pilot, "n")
        await until(
            watched, pilot, lambda: watched.shown is not None and watched.shown.experiment == 6
        )
        await pilot.press("end")
        assert "change in x" in "\n".join(watched.shown.rows.values())  # type: ignore[union-attr]
        assert "+width = 65" in "\n".join(screen(watched))
        await turn(watched, pilot, "escape")
        await until(watched, pilot, lambda: watched.pane.chosen == 6)

    watch(study, play)


def test_the_list_is_sorted_filtered_and_jumped_in(study: Path) -> None:
    def titled(watched: Watch, words: str) -> Callable[[], bool]:
        return lambda: watched.shown is not None and words in watched.shown.title

    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        await turn(watched, pilot, "3")
        await pilot.press("s")
        await until(watched, pilot, titled(watched, "by best"))
        assert watched.pane.ids[0] == app.status(study).champion.experiment  # type: ignore[union-attr]
        await pilot.press("slash", *"not markup", "enter")
        await until(watched, pilot, titled(watched, "1 by best, with 'not markup'"))
        assert list(watched.pane.ids) == [6]
        await pilot.press("slash", "backspace", "g", "slash", "P", "escape")
        await pilot.press("g", *"x2", "enter")
        await until(
            watched, pilot, lambda: watched.shown is not None and watched.shown.experiment == 2
        )
        await pilot.press("g", *"x99", "enter")
        await until(watched, pilot, lambda: "there is no experiment x99" in screen(watched)[0])
        await pilot.press("g", "q", "escape", "1")
        await until(watched, pilot, lambda: watched.wanted.page == "status")

    watch(study, play)


def test_the_tree_opens_and_closes(study: Path) -> None:
    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        await turn(watched, pilot, "5")
        opened = watched.pane.total
        assert opened > 1
        await pilot.press("space")
        await until(watched, pilot, lambda: watched.pane.total == 1)
        assert "▸" in screen(watched)[2]
        await pilot.press("space")
        await until(watched, pilot, lambda: watched.pane.total == opened)

    watch(study, play)


@pytest.mark.parametrize("size", [(200, 60), (40, 10)])
def test_it_fits_other_terminals(study: Path, size: tuple[int, int]) -> None:
    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        for key in range(1, 10):
            await turn(watched, pilot, str(key))
            lines = screen(watched)
            assert [len(line) for line in lines] == [size[0]] * size[1]
        await pilot.resize_terminal(80, 24)
        await until(
            watched, pilot, lambda: watched.shown is not None and watched.shown.wanted.width == 79
        )

    watch(study, play, size=size)


def test_ascii_terminals_get_ascii_and_harmful_text_is_harmless_everywhere(study: Path) -> None:
    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        for key in range(1, 10):
            shown = await turn(watched, pilot, str(key))
            assert shown.replace("\n", "").isascii(), shown
        await pilot.press("g", *"x6", "enter")
        await until(
            watched, pilot, lambda: watched.shown is not None and watched.shown.experiment == 6
        )
        shown = "\n".join(screen(watched))
        assert "[bold red]not markup[/]" in shown
        assert "\x1b" not in shown

    watch(study, play, dress=Dress(has_colour=False, is_ascii=True))

    async def look(watched: Watch, pilot: Pilot[None]) -> None:
        shown = await turn(watched, pilot, "8")
        assert "\u202e" not in shown
        assert "\x07" not in shown

    watch(study, look, dress=Dress())


def test_a_new_fact_is_seen_without_a_key(study: Path) -> None:
    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        await turn(watched, pilot, "8")
        app.post(study, "lesson", "seen while it looks", author="ada")
        await until(watched, pilot, lambda: "seen while it looks" in "\n".join(screen(watched)))

    watch(study, play)


def test_orders_are_asked_about_given_and_taken_back(study: Path) -> None:
    def stands() -> tuple[bool, list[int], list[int]]:
        with read_study(study) as opened:
            steering = opened.history.steering
            return steering.paused is not None, list(steering.pins), list(steering.vetoes)

    async def play(watched: Watch, pilot: Pilot[None]) -> None:
        await turn(watched, pilot, "3")
        await pilot.press("P", "n", "enter")
        assert stands() == (False, [], [])
        await pilot.press("P", "y", "enter")
        await until(watched, pilot, lambda: "· paused" in screen(watched)[0])
        await pilot.press("end")
        assert watched.pane.chosen == 0
        await pilot.press("home", "down", "V", "y", "enter")
        await until(
            watched,
            pilot,
            lambda: watched.shown is not None and bool(watched.shown.standing.vetoed),
        )
        assert stands() == (True, [], [5])
        await pilot.press("V", "y", "enter", "P", "y", "enter")
        await until(
            watched,
            pilot,
            lambda: watched.shown is not None and watched.shown.standing == Standing(),
        )
        assert stands() == (False, [], [])

    watch(study, play)


def test_what_a_terminal_can_show_is_asked_of_its_environment() -> None:
    assert dress_for({"LANG": "en_US.UTF-8"}, "utf-8") == Dress()
    assert dress_for({"LC_ALL": "C"}, "utf-8").is_ascii
    assert dress_for({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8").is_ascii
    assert not dress_for({"LC_CTYPE": "C.UTF-8"}, "utf-8").is_ascii
    assert dress_for({}, "iso8859-1").is_ascii
    assert not dress_for({"NO_COLOR": "1"}, "utf-8").has_colour
