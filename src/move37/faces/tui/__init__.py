"""Live terminal view."""
