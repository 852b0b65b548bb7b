"""Where steps 3 to 5 happen."""
