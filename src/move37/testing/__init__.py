"""What every part promises, as tests you can subclass, and the doubles that pass them."""
