"""What tests put in the place of a client's functions, classes, modules and objects."""
