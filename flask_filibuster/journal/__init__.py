"""Every execution on disk."""
