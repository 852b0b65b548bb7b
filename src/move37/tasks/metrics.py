"""Guesses, from the text of a program, which metric it prints and which way is better.

Reads text, runs nothing. What it returns is a proposal to a person, never the last word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from move37.core.records import Direction

_LOW_WORDS = """
loss losses bpb bpc nll perplexity ppl error errors err mse rmse mae mape wer cer regret cost
seconds second secs sec ms us ns millis milliseconds microseconds nanoseconds time elapsed
duration latency runtime memory mem mb kb gb mib bytes rss size distance dist violations
misses conflicts length perimeter energy divergence kl brier instructions cycles probes
allocations allocs faults
"""
_HIGH_WORDS = """
accuracy acc score f1 auc auroc throughput reward return sum precision recall r2 bleu rouge
iou map ndcg mrr speedup fps qps rps ops hits wins winrate elo rating fitness utility profit
sharpe coverage correct solved passed packed psnr ssim flops gflops tflops mfu rate
efficiency bandwidth correlation value radii
"""
_SIDE_WORDS = """
step steps epoch epochs iter iteration seed lr params num n total depth width batch device
usage error warning warn info debug file path http https note todo args name version date
training budget config url id type shape dtype host port model dataset metric
"""
"""Printed with a number often, and hardly ever what somebody wants to improve."""

_LOW, _HIGH, _SIDE = (frozenset(words.split()) for words in (_LOW_WORDS, _HIGH_WORDS, _SIDE_WORDS))

NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
"""For a regular expression that finds what a program prints in its own way."""

_NAME = r"[A-Za-z_][A-Za-z0-9_./@-]{0,63}"
_TAGGED = re.compile(rf"METRIC\s+({_NAME})=")
_FORMATTED = re.compile(
    rf"""(?:["'`]|\\n)(?P<lead>[A-Za-z][\w -]{{0,40}}\ |)(?P<name>{_NAME})\s*[:=]\s*
    (?:\$?\{{[^{{}}]*\}}|%[-+ 0-9.*]*(?:hh?|ll?|z)?[a-zA-Z])(?P<rest>[^"'`\n]*)""",
    re.VERBOSE,
)
"""A text with a place for a number: Python's f-strings, JavaScript's templates, Rust's formats, and
what C's `printf` has made common."""
_PRINTED = re.compile(
    rf"""(?:["'`]|\\n)\s*({_NAME})\s*[:=]\s*
    (?:\$\(|\$[A-Za-z_]|%[-+ 0-9.]*[a-zA-Z]|["'`]\s*(?:[,+.%]|<<)|[-+]?\d)""",
    re.VERBOSE,
)
_JSON_KEY = re.compile(rf"""["']({_NAME})["']\s*:\s*[^\s"',\]}}]""")
_PRINTS = re.compile(r"print|Print|cout|console\.log|\becho\b|\bputs\b|write")
_DUMPS = re.compile(r"\bjson\.dumps?\b|JSON\.stringify|\breturn\s*\{|to_string\(&?serde_json")


@dataclass(frozen=True, slots=True)
class Guess:
    """A metric that a program seems to print."""

    name: str
    direction: Direction | None
    """`None`: the name does not say."""
    weight: float
    """How likely it is the one to improve; comparable within a program only."""
    regex: str | None = None
    """Finds the number where the program prints more on the line than name and number."""

    @classmethod
    def of(cls, name: str, direction: Direction | None = None) -> "Guess":
        """A metric that is known for sure."""
        return cls(name, direction or guess_direction(name), 100.0)


def guess_direction(name: str) -> Direction | None:
    """Return which way is better, judging by the words in a metric's name."""
    words = _words(name)
    if "per" in words and words[-1] in ("s", "sec", "second", "seconds", "hour", "minute"):
        return Direction.MAXIMIZE
    if any(word in _LOW for word in words):
        return Direction.MINIMIZE
    return Direction.MAXIMIZE if any(word in _HIGH for word in words) else None


def guess_metrics(text: str) -> tuple[Guess, ...]:
    """Return the metrics that a program seems to print, the likeliest first."""
    best: dict[str, Guess] = {}
    for guess in _candidates(text):
        known = best.get(guess.name)
        if known is None or guess.weight > known.weight:
            best[guess.name] = guess
    return tuple(sorted(best.values(), key=lambda guess: -guess.weight))


def _candidates(text: str) -> Iterator[Guess]:
    """Every name printed with a number. What is printed later is more likely to be the result."""
    lines = text.splitlines()
    prints_json = _DUMPS.search(text) is not None
    for number, line in enumerate(lines):
        late = number / len(lines)
        for found in _TAGGED.finditer(line):
            yield Guess(found[1], guess_direction(found[1]), 10.0 + late)
        if _PRINTS.search(line) or _PRINTS.search(lines[number - 1] if number else ""):
            for found in _FORMATTED.finditer(line):
                if found["lead"] != "METRIC ":
                    yield from _weighed(found["name"], 2.0 + late, _regex(found))
            for found in _PRINTED.finditer(line):
                yield from _weighed(found[1], 2.0 + late)
        if prints_json:
            for found in _JSON_KEY.finditer(line):
                yield from _weighed(found[1], 1.0 + late)


def _regex(found: re.Match[str]) -> str | None:
    """`None` when the line is nothing but name and number, which needs none."""
    if not found["lead"] and found["rest"] in ("", r"\n"):
        return None
    return rf"{re.escape(found['lead'])}{re.escape(found['name'])}\s*[:=]\s*{NUMBER}"


def _weighed(name: str, weight: float, regex: str | None = None) -> Iterator[Guess]:
    words = _words(name)
    if not words or all(word in _SIDE for word in words):
        return
    direction = guess_direction(name)
    if direction is not None:
        weight += 2.0
    if {"val", "valid", "validation", "test", "combined", "mean", "median"} & set(words):
        weight += 1.0
    if {"kb", "mb", "gb", "mib", "bytes", "memory", "mem", "rss", "size"} & set(words):
        weight -= 0.5  # what it takes, beside what it achieves
    if {"train", "training", "total", "peak", "startup", "num", "n"} & set(words):
        weight -= 2.0
    yield Guess(name, direction, weight, regex)


def _words(name: str) -> list[str]:
    """`valLoss_ms` is val, loss, ms."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]
