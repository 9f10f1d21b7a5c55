"""How long users wait."""
