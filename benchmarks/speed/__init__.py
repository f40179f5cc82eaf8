"""Races beside peers, and of what must be fast: `python -m benchmarks.speed.NAME`."""
