"""Several WSGI apps in one process, under their URLs."""
