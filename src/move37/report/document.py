"""A written report, before it is HTML or Markdown: chapters of blocks, and texts that know whose they are.

A text of others (`Theirs`) may say anything, in any alphabet and any markup. Renderers escape all texts, and
show these as quoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from move37.report.picture import Picture


@dataclass(frozen=True, slots=True)
class Theirs:
    """Words of a candidate, a model, or a person: data to the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A command, a path or a name, as it is typed."""

    text: str


@dataclass(frozen=True, slots=True)
class Interval:
    """An effect and its interval, to be drawn on a scale that its neighbours share; positive is better."""

    effect: float
    low: float
    high: float
    scale: tuple[float, float]
    is_claim: bool
    told: str
    """The same in words."""


Inline = str | Theirs | Strong | Typed | Interval
Inlines = Sequence[Inline]
Tone = Literal["", "good", "warn", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Para:
    text: Inlines
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    items: Sequence[Inlines]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what is said of them."""

    pairs: Sequence[tuple[str, Inlines]]
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Heading:
    text: Inlines


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    """What it shows, in a line."""
    head: Sequence[str]
    rows: Sequence[Sequence[Inlines]]
    right: frozenset[int] = frozenset()
    """Columns of numbers."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Text in lines, as it stands."""

    title: str
    lines: Sequence[str]
    kind: Literal["diff", "output", "shell"]
    is_folded: bool = False
    """Whether it may be hidden until somebody asks for it."""


@dataclass(frozen=True, slots=True)
class Chart:
    picture: Picture
    told: str
    """The same in words."""
    moves: frozenset[int] = frozenset()
    """The experiments that are move 37s."""


Block = Para | Bullets | Facts | Heading | Table | Lines | Chart


@dataclass(frozen=True, slots=True)
class Chapter:
    name: str
    """For links to it: a word."""
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    task: str
    goal: str
    headline: str
    is_claimed: bool
    version: str
    figures: Sequence[tuple[str, str]]
    """Few, large: a name and a number."""
    chapters: Sequence[Chapter]
