"""Answers why a fault set was executed, or was not, from what the search knows."""
