"""Step 1. What to improve: read and check a task; turn it into a `Task`."""
