"""Explorations: the loop, and what it runs."""
