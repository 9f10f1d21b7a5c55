"""Every option: declared once, rendered to each place where it can be given."""
