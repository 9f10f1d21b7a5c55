"""Explains explorations that this process has not searched itself."""
