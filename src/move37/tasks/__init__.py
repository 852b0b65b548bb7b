"""Step 1. What to improve: read and check a task; turn it into a `Task`.

`load_or_detect` reads a task, `resolve` says which of its files are which, `plan_init` drafts a
`move37.toml` for a directory that has none. Only `write_task` writes, and never over anything.
"""
