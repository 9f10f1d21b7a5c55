"""Explorations whose tests or services are in other processes."""
