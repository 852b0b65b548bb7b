"""Who was asked for an experiment, what it cost, and what was said, as records and as text."""

from dataclasses import dataclass

from move37.core.history import Experiment
from move37.report.words import Paint, clean, count, cut, duration, plain


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedView:
    """One question, and its answer as far as it goes."""

    round: int
    """0; 1 for the one that asks to mend the answer to the first."""
    model: str
    """Who answered, or else who was asked."""
    is_answered: bool
    """If not, it is under way, or its answer was lost with an engine that died."""
    failed: str
    """Why there is no answer; empty when there is one."""
    usd: float
    """What it cost; what it may cost at most while there is no answer. Lost ones included."""
    tokens_in: int
    tokens_out: int
    seconds: float
    lost: int
    """How often it was asked before, and the answer lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A question and its answer, word for word."""

    asked: AskedView
    prompt: str
    answer: str
    changed: tuple[str, ...] = ()
    """Files that whoever answered has changed itself, as an agent does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """All that was said about one experiment."""

    experiment: int
    turns: tuple[Turn, ...]


def asked_views(experiment: Experiment) -> tuple[AskedView, ...]:
    """By round."""
    views: list[AskedView] = []
    for round in sorted({asked.round for asked in experiment.asked}):
        of_round = [asked for asked in experiment.asked if asked.round == round]
        told = next((each for each in experiment.answers if each.round == round), None)
        lost = sum(asked.usd_at_most for asked in of_round[:-1])
        views.append(
            AskedView(
                round=round,
                model=told.model if told else of_round[-1].model,
                is_answered=told is not None,
                failed=told.failed if told else "",
                usd=lost + (told.usd if told else of_round[-1].usd_at_most),
                tokens_in=told.tokens_in if told else 0,
                tokens_out=told.tokens_out if told else 0,
                seconds=told.seconds if told else 0.0,
                lost=len(of_round) - 1,
            )
        )
    return tuple(views)


def asked_line(view: AskedView) -> str:
    """One question in a line: whom, and at what price."""
    parts = [clean(view.model)]
    if view.is_answered:
        tokens = f"{view.tokens_in:,} tokens in, {view.tokens_out:,} out"
        parts += [tokens, duration(view.seconds)]
    else:
        parts.append("no answer yet")
    if view.usd:
        parts.append(f"{view.usd:.4f} USD" if view.is_answered else f"{view.usd:.4f} USD at most")
    if view.lost:
        parts.append(f"{count(view.lost, 'answer')} lost")
    if view.failed:
        parts.append(f"failed: {clean(view.failed)}")
    return ("again: " if view.round else "") + ", ".join(parts)


def conversation_text(view: Conversation, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 show --conversation` shows. What a question repeats is not said again."""
    if not view.turns:
        return f"Nobody was asked for x{view.experiment}."
    parts: list[str] = []
    before = ""
    for turn in view.turns:
        repeats = bool(before) and turn.prompt.startswith(before)
        prompt = turn.prompt[len(before) :].lstrip() if repeats else turn.prompt
        before = turn.prompt
        head = f"question {turn.asked.round + 1} to {clean(turn.asked.model)}"
        parts += [paint("title", cut(head, width)), clean(prompt, keep="\n\t")]
        head = f"answer {turn.asked.round + 1} · {asked_line(turn.asked)}"
        parts.append(paint("title", cut(head, width)))
        if turn.answer:
            parts.append(clean(turn.answer, keep="\n\t"))
        if turn.changed:
            parts.append(f"changed: {clean(', '.join(turn.changed))}")
    return "\n\n".join(parts)
