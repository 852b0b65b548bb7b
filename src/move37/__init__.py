"""move37 runs your research while you sleep, and you can believe what it says in the morning."""

__version__ = "0.1.0"
