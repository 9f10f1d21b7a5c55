"""Kinds of fault whose real answer takes time: late, in drips, or never complete."""
