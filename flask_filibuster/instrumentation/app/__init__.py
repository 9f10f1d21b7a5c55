"""The Flask side of a service: where requests enter and leave."""
