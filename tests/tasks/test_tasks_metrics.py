"""Guessing the metric from a program's text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.records import Direction
from move37.tasks.metrics import guess_direction, guess_metrics


@pytest.mark.parametrize(
    "name",
    [
        *("val_bpb", "loss", "valLoss", "error_rate", "p99_latency", "elapsed", "peak_memory_mb"),
        *("total_ms", "rmse", "test/perplexity", "time", "WER"),
    ],
)
def test_less_of_these_is_better(name: str) -> None:
    assert guess_direction(name) is Direction.MINIMIZE


@pytest.mark.parametrize(
    "name",
    [
        *("accuracy", "combined_score", "f1", "tokens_per_second", "tokens_per_sec", "throughput"),
        *("reward", "sum_radii", "hit_rate", "R2", "mean-reward"),
    ],
)
def test_more_of_these_is_better(name: str) -> None:
    assert guess_direction(name) is Direction.MAXIMIZE


@pytest.mark.parametrize("name", ["quux", "x", "result", "per", ""])
def test_other_names_do_not_say(name: str) -> None:
    assert guess_direction(name) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('print(f"val_loss: {x:.4f}")', "val_loss"),
        ('print("Accuracy:", accuracy_score(y, p))', "Accuracy"),
        ('print("accuracy = %.3f" % acc)', "accuracy"),
        ("print('RMSE: {:.3f}'.format(x))", "RMSE"),
        ('printf("time_ms=%f\\n", t);', "time_ms"),
        ('std::cout << "seconds: " << t << std::endl;', "seconds"),
        ('fmt.Printf("score: %v", s)', "score"),
        ('println!("score: {}", s);', "score"),
        ("console.log(`ops: ${n}`)", "ops"),
        ('echo "latency_ms: $x"', "latency_ms"),
        ('echo "METRIC total=$(cat x)"', "total"),
        ('print(json.dumps({"reward": r}))', "reward"),
        ('def evaluate(p):\n    return {\n        "score": s,\n    }', "score"),
        ('print("---\\nval_bpb: ", x)', "val_bpb"),
    ],
)
def test_a_printed_metric_is_found(text: str, name: str) -> None:
    guess = guess_metrics(text)[0]
    assert guess.name == name
    assert guess.regex is None


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (r'printf("time: %.4f s\n", t);', "time: 0.25 s"),
        (r'printf("Total time = %lf ms\n", t);', "Total time = 0.25 ms"),
        ('println!("time: {:.3} s", t);', "time: 0.25 s"),
        ('print("time: %.2f seconds" % t)', "time: 0.25 seconds"),
    ],
)
def test_a_metric_with_its_unit_behind_it_is_found_by_a_regex(text: str, printed: str) -> None:
    guess = guess_metrics(text)[0]
    assert guess.name == "time"
    assert guess.regex is not None
    found = re.search(guess.regex, printed)
    assert found is not None
    assert found[1] == "0.25"


@pytest.mark.parametrize(
    "text",
    [
        'print(f"Usage: {prog}")',
        'print(f"step: {i}")',
        'print(f"step {i}: loss {l}")',
        'x = {"loss": 1}',
        'raise ValueError(f"loss: {x}")',
        "",
    ],
)
def test_what_is_no_result_is_not_taken_for_one(text: str) -> None:
    assert guess_metrics(text) == ()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ('print(f"Final test accuracy: {acc:.2f}%")', "Final test accuracy: 91.25%"),
        ('print(f"loss: {x} (best {y})")', "loss: 9.125e1 (best 3)"),
    ],
)
def test_a_number_within_a_sentence_is_found_by_a_regex(text: str, printed: str) -> None:
    import re

    regex = guess_metrics(text)[0].regex
    assert regex is not None
    found = re.search(regex, printed)
    assert found is not None
    assert float(found[1]) == 91.25


def test_the_result_comes_before_what_is_said_on_the_way() -> None:
    text = 'print(f"train_loss: {a}")\nprint(f"total_seconds: {b}")\nprint(f"val_loss: {c}")'
    assert guess_metrics(text)[0].name == "val_loss"


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    for guess in guess_metrics(text):
        assert guess.name
