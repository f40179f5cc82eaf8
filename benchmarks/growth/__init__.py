"""What work costs as it grows: `python -m benchmarks.growth` measures every table of `tables`.

A family is a file of `tables` with one `TABLE`: its name, sizes and work.
"""
