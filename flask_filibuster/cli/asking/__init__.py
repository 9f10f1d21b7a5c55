"""Commands that ask about an exploration."""
