"""The Flask side of services."""
