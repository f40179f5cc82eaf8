"""Submissions that try to cheat, crash or outlive the grader; `table.CASES` lists them all."""
