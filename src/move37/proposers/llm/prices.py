"""What models cost, and how much they can read. Dated: prices change, and a task may say its own.

Only models that answer text through the two APIs spoken here, at the standard rate; discounts for caches
and batches are not counted, so that what is counted is never too little.
"""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """USD for a million tokens."""

    input: float
    output: float

    def usd(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.input + tokens_out * self.output) / MILLION

    @property
    def is_free(self) -> bool:
        return not self.input and not self.output


FREE = Price(input=0.0, output=0.0)

# Anthropic: its model and pricing pages, platform.claude.com/docs (models, about-claude/pricing), as of
# November 2026. Haiku 5.5 costs five times as much for prompts above 100,000 tokens.
# OpenAI: developers.openai.com/api/docs/pricing and its model pages, as of November 2026; the models
# from GPT-5.4 on cost more for prompts above 272,000 tokens. GPT-5 and older: as of November 2025.
_TABLE: dict[str, dict[str, tuple[float, float, int]]] = {
    "anthropic": {
        "claude-fable-5": (10, 50, 1_000_000),
        "claude-fable-5-1": (10, 50, 1_000_000),
        "claude-opus-5-5": (4, 20, 1_000_000),
        "claude-opus-5": (5, 25, 1_000_000),
        "claude-opus-4-6": (5, 25, 200_000),
        "claude-opus-4-5": (5, 25, 200_000),
        "claude-sonnet-5-5": (2, 10, 1_000_000),
        "claude-sonnet-5": (2, 10, 1_000_000),
        "claude-sonnet-4-6": (3, 15, 200_000),
        "claude-sonnet-4-5": (3, 15, 200_000),
        "claude-haiku-5-5": (0.10, 0.50, 100_000),
        "claude-haiku-4-5": (1, 5, 200_000),
    },
    "openai": {
        "gpt-6-astra": (10, 50, 272_000),
        "gpt-6.1-sol": (2, 10, 272_000),
        "gpt-6-sol": (2, 10, 272_000),
        "gpt-6-luna": (0.10, 0.50, 272_000),
        "gpt-5.6-sol": (4, 20, 272_000),
        "gpt-5.6-terra": (2, 12, 272_000),
        "gpt-5.6-luna": (0.20, 1.20, 272_000),
        "gpt-5.5": (5, 30, 272_000),
        "gpt-5.4": (2.50, 15, 272_000),
        "gpt-5.4-mini": (0.75, 4.50, 272_000),
        "gpt-5.2": (1.75, 14, 400_000),
        "gpt-5.1": (1.25, 10, 400_000),
        "gpt-5": (1.25, 10, 400_000),
        "gpt-5-mini": (0.25, 2, 400_000),
        "gpt-5-nano": (0.05, 0.40, 400_000),
        "gpt-4.1": (2, 8, 1_000_000),
        "gpt-4.1-mini": (0.40, 1.60, 1_000_000),
        "gpt-4.1-nano": (0.10, 0.40, 1_000_000),
        "gpt-4o": (2.50, 10, 128_000),
        "gpt-4o-mini": (0.15, 0.60, 128_000),
        "o3": (2, 8, 200_000),
        "o4-mini": (1.10, 4.40, 200_000),
    },
}
"""USD for a million tokens in and out, and the longest prompt for which that holds."""


def known_price(provider: str, name: str) -> Price | None:
    """Of a model by its exact name, or that with a date behind it. `None`: not in the table."""
    row = _row(provider, name)
    return None if row is None else Price(input=row[0], output=row[1])


def known_window(provider: str, name: str) -> int | None:
    """The longest prompt, in tokens, for which `known_price` holds. `None`: not in the table."""
    row = _row(provider, name)
    return None if row is None else row[2]


def _row(provider: str, name: str) -> tuple[float, float, int] | None:
    models = _TABLE.get(provider, {})
    if name in models:
        return models[name]
    # `gpt-5-2025-08-07` and `claude-haiku-4-5-20251001` are `gpt-5` and `claude-haiku-4-5`.
    parts = name.split("-")
    while parts and parts[-1].isdecimal() and len(parts[-1]) in (2, 4, 8):
        parts.pop()
    return models.get("-".join(parts))
