"""One question each: `python -m benchmarks.studies.NAME` answers it, its docstring says what."""
