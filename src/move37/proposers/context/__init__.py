"""What models and agents are told, and what was tried before."""
