"""Real time, and what a virtual clock has in common with it."""
