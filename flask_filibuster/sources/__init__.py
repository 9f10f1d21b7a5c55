"""Which source stands behind an app."""
