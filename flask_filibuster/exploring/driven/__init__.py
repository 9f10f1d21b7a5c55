"""Explorations with tests or services in other processes."""
