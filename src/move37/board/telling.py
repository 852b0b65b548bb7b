"""A post in words, for models and briefs: what its author said, and beside it what the engine knows.

The author's numbers are marked as claimed; the engine's are believed, as of now.
"""

from math import floor, isfinite, log10
from typing import Final

from move37.board.evidence import Evidence, effect_of
from move37.board.links import marked
from move37.core.board import Post
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Belief, Failed, Measured, Metric, Screened, Taint

TEXT: Final = 600
"""Characters of a post that are told to a model."""
_ABOVE: Final = 160
_LINKS: Final = 4
_WORDS_OF: Final[dict[Taint, str]] = {
    "person": "a person's words",
    "model": "a model's words",
    "output": "words that a candidate printed",
}


def told(
    post: Post, evidence: Evidence, history: History, beliefs: Believer, metric: Metric
) -> str:
    """A post as a model is told of it, in a few lines."""
    posted = post.posted
    head = f"p{post.id}, {posted.kind} by {short(posted.author, 60)} ({_WORDS_OF[posted.taint]})"
    lines = [f"{head}: {marked(short(posted.text, TEXT))}"]
    if posted.reply_to is not None and history.board[posted.reply_to].retracted is None:
        above = history.board[posted.reply_to].posted
        lines.append(
            f"in reply to p{above.post}, {above.kind}: {marked(short(above.text, _ABOVE))}"
        )
    if posted.effect is not None:
        lines.append(
            f"its author claims that {metric.name} changes by {metric.score(posted.effect):+.4g}"
        )
    lines += [
        f"x{experiment}, as known now: {known(experiment, history, beliefs)}"
        for experiment in post.experiments[:_LINKS]
    ]
    if standing := standing_words(evidence):
        lines.append(standing)
    if post.claimed_by is not None:
        lines.append(f"{short(post.claimed_by, 60)} works on it")
    return "\n".join(lines)


def standing_words(evidence: Evidence) -> str:
    """How a post stands by what is believed now; empty where nothing is known."""
    again = evidence.replications
    match evidence.standing:
        case "supported":
            return "the effect that it states is borne out so far"
        case "replicated":
            return f"the effect that it states is borne out, and was seen again {times(again)}"
        case "contradicted":
            return "contradicted: the effect that it states is not what is believed now"
        case "overturned":
            return "overturned: what was believed when it was posted has turned into the opposite"
        case "open":
            return f"the effects that it tells of were seen again {times(again)}" if again else ""


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def known(experiment: int, history: History, beliefs: Believer) -> str:
    """What is known of an experiment, filled in by the engine."""
    one = history[experiment]
    match one.outcome:
        case None:
            return "not measured yet"
        case Failed():
            return "it failed"
        case Screened():
            return "let go early"
        case Measured():
            pass
    if one.is_baseline:
        return "the baseline"
    effect = effect_of(experiment, history, beliefs)
    against = f"its parent x{one.parents[0]}"
    return (
        f"measured, not comparable with {against}"
        if effect is None
        else f"{_effect(effect)} {against}"
    )


def _effect(effect: Belief) -> str:
    spread = f" ± {effect.sd:.2g}" if effect.sd > 0 else ""
    if effect.mean == 0:
        return f"as good{spread} as"
    return f"{'better' if effect.mean > 0 else 'worse'} by {_number(abs(effect.mean), effect.sd)}{spread} than"


def _number(value: float, sd: float) -> str:
    """To the digits that its uncertainty leaves meaning to."""
    if not isfinite(value) or sd <= 0:
        return f"{value:.7g}"
    return f"{value:.{min(15, max(0, 1 - floor(log10(sd))))}f}"


def short(text: str, most: int) -> str:
    """On one line, in at most so many characters."""
    line = " ".join(text[: 20 * most].split())
    return line if len(line) <= most else line[: most - 1] + "…"
