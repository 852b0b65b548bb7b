"""What the claims of a study may err with, and how much of it each certification has used."""

from dataclasses import dataclass

from move37.core.history import History
from move37.referee.certify import claim_level


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """One certification's share."""

    certification: int
    experiment: int
    against: int
    kind: str
    """`better` or `not worse`: what was asked."""
    claim: bool | None
    """`None`: it is under way, or was given up."""
    share: float
    """The probability with which it may claim falsely."""
    so_far: float
    """Of all certifications up to this one together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlphaSpent:
    """The probability of any false claim, over the whole study."""

    alpha: float
    """Never exceeded, however many certifications there will be."""
    spent: float
    next_level: float
    """Two-sided confidence level of the next certification."""
    claims: int
    spends: tuple[Spend, ...]


def alpha_spent(history: History, alpha: float) -> AlphaSpent:
    """alpha: of the task, for the next certification; those before it have stored theirs."""
    spends: list[Spend] = []
    so_far = 0.0
    for opened in history.certifications:
        share = (1 - claim_level(opened.certification, opened.alpha)) / 2
        so_far += share
        done = history.certificates.get(opened.certification)
        spends.append(
            Spend(
                certification=opened.certification,
                experiment=opened.experiment,
                against=opened.baseline,
                kind="better" if opened.margin is None else "not worse",
                claim=None if done is None else done.claim,
                share=share,
                so_far=so_far,
            )
        )
    return AlphaSpent(
        alpha=alpha,
        spent=so_far,
        next_level=claim_level(len(history.certifications), alpha),
        claims=sum(spend.claim is True for spend in spends),
        spends=tuple(spends),
    )
