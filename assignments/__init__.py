"""Assignments: masters, and the grader that runs students' code out of its own process."""
