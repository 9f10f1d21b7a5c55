"""What a test author touches: explore(), the mesh, the pytest plugin."""
