"""The benchmarks of our four promises."""
