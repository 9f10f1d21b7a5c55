"""What counts as a retry."""
