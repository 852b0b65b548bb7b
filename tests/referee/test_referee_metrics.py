"""What counts as a number that an evaluation printed, and what is said when none did."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.records import Direction, Failed, Metric
from move37.referee.metrics import LARGEST, parse_metrics, read_metric

BPB = Metric(name="val_bpb", direction=Direction.MINIMIZE)

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./-]{0,20}", fullmatch=True)
numbers = st.floats(min_value=-LARGEST, max_value=LARGEST)


def reason(stdout: str, metric: Metric = BPB) -> str:
    result = read_metric(metric, stdout)
    assert isinstance(result, Failed)
    assert result.stage == "metric"
    return result.reason


@pytest.mark.parametrize(
    "stdout",
    [
        "val_bpb: 0.98",
        "val_bpb:          0.98\n",
        "  val_bpb = 0.98  ",
        "val_bpb=0.98",
        "METRIC val_bpb=0.98",
        "METRIC loss=3 val_bpb=0.98",
        '{"val_bpb": 0.98, "epochs": 3}',
        'training...\n{"val_bpb": 0.98}\n\n',
        "\x1b[32mval_bpb\x1b[0m: \x1b[1m0.98\x1b[0m",
        "val_bpb: 9.8e-1",
        "step 1\rstep 2\rval_bpb: 0.98\r\n",
    ],
)
def test_a_metric_can_be_printed_in_each_known_way(stdout: str) -> None:
    assert read_metric(BPB, stdout) == 0.98


@pytest.mark.parametrize(
    "line",
    [
        "epoch 3 val_bpb: 0.98",
        "val_bpb: 0.98 bits",
        "val_bpb: 98%",
        "val_bpb: 1,234.5",
        "2026-11-22 12:00:00 INFO val_bpb: 0.98",
        "val_bpb: 0.98 (best 0.97)",
        "val_bpb: 1_000",
        "val_bpb: 0x10",
        "the val_bpb: 3",
        "12:30",
        '{"val_bpb": "0.98"}',
        '{"val_bpb": true}',
        '{"nested": {"val_bpb": 1}}',
        '[{"val_bpb": 1}]',
        '{"val_bpb": 0.98}\nbye',
    ],
)
def test_a_line_that_is_more_than_a_name_and_a_number_is_no_metric(line: str) -> None:
    assert "val_bpb" not in parse_metrics(line)
    assert isinstance(read_metric(BPB, line), Failed)


@given(st.lists(st.tuples(names, numbers), min_size=1))
def test_what_is_printed_is_what_is_read(pairs: list[tuple[str, float]]) -> None:
    printed = "\n".join(f"{name}: {value!r}" for name, value in pairs)
    assert parse_metrics(printed) == dict(pairs)


@given(st.dictionaries(names, numbers, min_size=1))
def test_a_json_object_says_the_same_as_lines_do(values: dict[str, float]) -> None:
    assert parse_metrics("noise\n" + json.dumps(values)) == values


@given(st.text())
def test_no_output_at_all_breaks_the_reader(stdout: str) -> None:
    result = read_metric(BPB, stdout)
    assert isinstance(result, Failed) or math.isfinite(result)
    assert all(math.isfinite(value) for value in parse_metrics(stdout).values())


@given(st.text(alphabet='val_bpb:= \n\r\t0123456789.eE+-nNaAiIfF{}"[],\x1bm'))
def test_nearly_right_output_does_not_break_it_either(stdout: str) -> None:
    result = read_metric(BPB, stdout)
    assert isinstance(result, Failed) or math.isfinite(result)


def test_the_last_occurrence_wins_however_it_was_printed() -> None:
    assert read_metric(BPB, "val_bpb: 3\nMETRIC val_bpb=2\nval_bpb = 1") == 1
    assert read_metric(BPB, 'val_bpb: 3\n{"val_bpb": 2}') == 2


def test_all_other_metrics_are_collected_too() -> None:
    printed = "val_bpb: 0.98\nholdout_val_bpb: 1.02\npeak_vram_mb:     45060.2\n"
    assert parse_metrics(printed) == {
        "val_bpb": 0.98,
        "holdout_val_bpb": 1.02,
        "peak_vram_mb": 45060.2,
    }


def test_a_finite_number_is_not_believed_once_nan_was_printed_after_it() -> None:
    assert parse_metrics("val_bpb: 0.98\nval_bpb: nan\nloss: 1") == {"loss": 1.0}


@pytest.mark.parametrize(
    ("stdout", "spelled"),
    [
        ("val_bpb: nan", "NaN"),
        ("val_bpb: inf", "infinity"),
        ("val_bpb: -Infinity", "minus infinity"),
        ("val_bpb: 1e999", "infinity"),
        ('{"val_bpb": NaN}', "NaN"),
        ("val_bpb: -1e300", "-1e+300, which is beyond all measure (1e100),"),
        ('{"val_bpb": 1' + "0" * 400 + "}", "infinity"),
    ],
)
def test_nan_and_infinity_are_failures_that_say_so(stdout: str, spelled: str) -> None:
    assert reason(stdout) == f"the evaluation prints {spelled} for 'val_bpb'"


def test_an_evaluation_that_prints_nothing_is_told_what_to_print() -> None:
    said = "the evaluation prints nothing; print `val_bpb: <number>` on a line of its own"
    assert reason("") == said
    assert reason(" \n\n") == said


def test_other_names_are_listed_with_the_likeliest_first() -> None:
    printed = "loss: 1\nacc: 2\nVal_BPB: 0.9\n"
    assert reason(printed).startswith("the evaluation prints no 'val_bpb', but 'Val_BPB', ")
    many = "\n".join(f"m{number}: 1" for number in range(9))
    assert "and 4 more" in reason(many)


def test_a_line_that_names_the_metric_but_cannot_be_read_is_quoted() -> None:
    assert "prints 'epoch 3 val_bpb: 0.98', which is not a name and" in reason(
        "loss: 3\nepoch 3 val_bpb: 0.98"
    )


def test_an_evaluation_that_only_chats_is_quoted() -> None:
    assert "ends with 'all done'" in reason("hello\nall done\n")


def test_a_regex_that_would_take_for_ever_fails_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("move37.referee.metrics.REGEX_SECONDS", 0.05)
    metric = Metric(name="ms", direction=Direction.MINIMIZE, regex=r"(?:(a+)+)+b")
    assert "write one without a repetition inside" in reason("a" * 60, metric)


def test_a_regex_reads_its_last_match_and_nothing_else() -> None:
    metric = Metric(name="ms", direction=Direction.MINIMIZE, regex=r"took ([^ ]+) ms$")
    assert read_metric(metric, "ms: 1\ntook 5 ms\ntook 4.5 ms\nbye") == 4.5
    assert "matches the regex" in reason("ms: 1", metric)
    assert "'four', which is no number" in reason("took four ms", metric)
    assert reason("took nan ms", metric) == "the evaluation prints NaN for 'ms'"
    without_group = Metric(name="ms", direction=Direction.MINIMIZE, regex=r"\d+")
    assert read_metric(without_group, "1 2 3") == 3


@pytest.mark.parametrize(
    "hostile",
    [
        "val_bpb: " + "1" * 500_000 + "z",
        "METRIC " + "a=1 " * 100_000 + "!",
        " " * 500_000 + "z",
        "\x1b]" * 200_000,
        "\x1b[" + "1;" * 300_000,
        "{" * 200_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"val_bpb": ' + "9" * 100_000 + "}",
        "a" * 1_000_000,
    ],
)
def test_hostile_output_is_read_in_linear_time(hostile: str) -> None:
    assert isinstance(read_metric(BPB, hostile), Failed)


def test_an_unfinished_escape_does_not_swallow_the_next_line() -> None:
    assert read_metric(BPB, "\x1b]0;title\nval_bpb: 0.98") == 0.98


def test_json_keys_that_no_terminal_or_database_could_take_are_left_out() -> None:
    keys = '{"\\ud800": 1, "a\\u0000": 2, "\\u001b[2J": 3, "' + "k" * 101 + '": 4, "val loss": 5}'
    assert parse_metrics(keys) == {"val loss": 5.0}
