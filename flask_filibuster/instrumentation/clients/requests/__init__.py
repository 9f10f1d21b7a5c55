"""The client requests."""
