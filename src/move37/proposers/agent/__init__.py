"""`agent`: coding agents, headless and fenced in."""
