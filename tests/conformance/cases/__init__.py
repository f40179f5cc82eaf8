"""A small instance of every model that the package exports: one file for each family.

A file here has `CASES`, and `ELSEWHERE`: what makes a promise but has no case, and where it is
tested. A new family adds a file and edits none: `tests.conformance.discovery` finds it.
"""
