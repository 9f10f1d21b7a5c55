"""Every option: declared once, rendered to each place that accepts it."""
