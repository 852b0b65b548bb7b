"""Answers of models, read as changes: as a whole or not at all."""
