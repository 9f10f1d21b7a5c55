"""The version of this package, where packaging finds it without importing the rest."""

__version__ = "0.1.0"
