"""Reasons to run fault sets, after the search."""
