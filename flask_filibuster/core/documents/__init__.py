"""JSON documents: the parts that a fault may alter, and where they are."""
