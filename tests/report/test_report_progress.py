"""The chart: it says what is believed and what is certified, whatever the study."""

import struct
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import Move37Error, Unwritable
from move37.report.labels import Box, brief, leader, place
from move37.report.picture import Picture, compose, limits
from move37.report.progress import draw_progress, spaced
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task

ODD = "学习率 0.01 → 0.02 🚀 \x1b[31m $x^2 and \\frac{1}{2}$ \u202e"


def small(*, minimize: bool = True) -> MadeUpStudy:
    sign = 1 if minimize else -1
    study = MadeUpStudy(made_up_task(minimize=minimize))
    study.baseline(sign * 3.2, sign * 3.21)
    one = study.experiment(sign * 3.1, hypothesis=ODD)
    study.failure(one)
    study.experiment(sign * 3.3)
    study.experiment(sign * 3.0, parents=(one,), hypothesis="lower it")
    return study


def drawn(study: MadeUpStudy, champion: int | None, path: Path) -> tuple[int, int]:
    """Draw, and return the size of the picture."""
    draw_progress(study.task, study.history, study.beliefs, champion, path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    return struct.unpack(">II", data[16:24])


def composed(study: MadeUpStudy, champion: int | None) -> Picture:
    return compose(study.task, study.history, study.beliefs, champion)


@pytest.mark.parametrize("minimize", [True, False])
def test_a_study_is_drawn_at_its_size(tmp_path: Path, minimize: bool) -> None:
    study = small(minimize=minimize)
    study.certificate(4, effect=0.2, margin=0.02, base=3.2)
    assert drawn(study, 4, tmp_path / "progress.png") == (1600, 900)


def test_a_study_with_nothing_measured_is_drawn(tmp_path: Path) -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline()
    study.failure()
    assert drawn(study, None, tmp_path / "progress.png") == (1600, 900)
    assert composed(study, None).title == "val_bpb: the baseline has not been measured"


@pytest.mark.parametrize("value", [0.0, 5.0, -1e-9, 3e300])
def test_a_constant_metric_is_drawn(tmp_path: Path, value: float) -> None:
    study = MadeUpStudy(made_up_task(), MeanBeliefs(noise=0.0))
    study.baseline(value, value)
    for _ in range(3):
        study.experiment(value)
    assert drawn(study, 0, tmp_path / "progress.png") == (1600, 900)


def test_ten_thousand_experiments_are_drawn(tmp_path: Path) -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.0)
    for index in range(10_000):
        study.experiment(3.0 - (index % 997) / 1e4)
    assert drawn(study, 1 + 996, tmp_path / "progress.png") == (1600, 900)


def test_the_same_study_gives_the_same_picture(tmp_path: Path) -> None:
    drawn(small(), 4, tmp_path / "one.png")
    drawn(small(), 4, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_drawing_leaves_matplotlibs_settings_alone(tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn(small(), 4, tmp_path / "progress.png")
    assert dict(mpl.rcParams) == before


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Move37Error, match="pip install matplotlib"):
        drawn(small(), 4, tmp_path / "progress.png")


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match="missing"):
        drawn(small(), 4, tmp_path / "missing" / "progress.png")


def test_the_title_claims_only_what_is_certified() -> None:
    study = small()
    assert composed(study, 4).title == "val_bpb: x4 is believed 0.205 ± 0.010 lower, not certified"
    study.certificate(4, effect=0.01, margin=0.02, base=3.2, claim=False)
    assert composed(study, 4).title == "val_bpb: nothing can be claimed for x4"
    study.certificate(4, effect=0.16, margin=0.016, base=3.2, holdout_effect=0.08)
    picture = composed(study, 4)
    assert picture.title == "val_bpb 5.0 % lower, certified (95 % interval 4.5 % to 5.5 %)"
    assert "hold-out 2.5 % lower" in picture.subtitle
    assert [x for x, _ in picture.proven] == [4]


def test_a_certificate_of_another_than_the_champion_names_it() -> None:
    study = small()
    study.certificate(1, effect=0.1, margin=0.01, base=3.2)
    picture = composed(study, 4)
    assert picture.title == "val_bpb 3.1 % lower in x1, certified (95 % interval 2.8 % to 3.4 %)"
    assert picture.proven == [(1, pytest.approx(3.1))]


def test_one_blown_up_program_does_not_flatten_the_rest() -> None:
    study = small()
    study.experiment(1e6)
    low, high = limits(composed(study, 4))
    assert low < 3.0
    assert 3.21 < high < 4.0


def test_lucky_dots_are_on_the_picture() -> None:
    study = small()
    lucky = study.experiment(2.95)
    study.trial(lucky, 3.2)
    low, _ = limits(composed(study, 4))
    assert low < 3.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_spaced_heights_are_apart_and_in_order(heights: list[float]) -> None:
    moved = spaced(heights, gap=0.075)
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    apart = [moved[b] - moved[a] for a, b in pairwise(order)]
    assert all(gap >= 0.075 - 1e-9 for gap in apart)
    assert max(moved) <= 1.0


def box_of(x: float, y: float, width: float, height: float) -> Box:
    return Box(x, y, x + width, y + height)


BOXES = st.builds(
    box_of, st.floats(0, 900), st.floats(0, 500), st.floats(1, 200), st.floats(1, 100)
)


@given(
    st.tuples(st.floats(0, 1000), st.floats(0, 600)),
    st.tuples(st.floats(1, 300), st.floats(5, 30)),
    st.lists(BOXES, max_size=6),
    st.lists(BOXES, max_size=6),
    st.booleans(),
)
def test_a_label_covers_nothing_and_its_line_crosses_no_label(
    anchor: tuple[float, float],
    size: tuple[float, float],
    obstacles: list[Box],
    labels: list[Box],
    below: bool,
) -> None:
    within = Box(0, 0, 1000, 600)
    box = place(anchor, size, within=within, obstacles=obstacles, labels=labels, below=below)
    if box is not None:
        assert box.lies_in(within)
        assert not any(box.touches(other) for other in (*obstacles, *labels))
        assert not any(leader(box, anchor).touches(other) for other in labels)


def test_a_label_with_room_is_placed() -> None:
    within = Box(0, 0, 1000, 600)
    box = place((500, 300), (100, 15), within=within, obstacles=[], labels=[], below=True)
    assert box == Box(394, 275, 494, 290)


def test_a_hypothesis_is_labelled_by_what_it_changes() -> None:
    assert (
        brief("lr 0.01 → 0.02: continuing upwards, which gained 0.3 the last time")
        == "lr 0.01 → 0.02"
    )
    assert brief("lr 0.01 → 0.02: its first turn") == "lr 0.01 → 0.02"
    assert brief("drop the momentum: it is noise") == "drop the momentum: it is noise"
    assert len(brief("word " * 50)) == 44
