"""Reading source: what can be turned in a program, where it stands, and when two programs are the same."""
