"""Step 2'. Learned hints: a prior over moves, a value for a change."""
