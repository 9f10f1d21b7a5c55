"""The Flask side of a service: incoming requests and their answers."""
