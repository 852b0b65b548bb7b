"""Wiring: settings to objects; one function per command, each returning a frozen record."""
