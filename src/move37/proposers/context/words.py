"""Words that say nothing of what a text is about."""

COMMON = frozenset(
    [
        "and",
        "are",
        "can",
        "for",
        "from",
        "into",
        "its",
        "less",
        "make",
        "may",
        "more",
        "not",
        "than",
        "that",
        "the",
        "this",
        "with",
    ]
)
SAID_OF_CHANGES = COMMON | frozenset(
    ["because", "change", "let", "should", "use", "using", "when", "which", "will"]
)
"""The same for a hypothesis: what people say of every change."""
