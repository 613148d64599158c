"""The HiGHS session: compile, solve, polish."""
