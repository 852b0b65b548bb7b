"""`llm`: asks language models, by their APIs."""
