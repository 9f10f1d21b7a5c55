"""Kinds of fault that alter one part of a JSON answer."""
