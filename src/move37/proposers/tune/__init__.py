"""`tune`: turns what can be turned, and needs no model."""
