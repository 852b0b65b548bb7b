"""Step 2. What to try next: belief, and strategies over it. Pure functions; no I/O, no clock."""
