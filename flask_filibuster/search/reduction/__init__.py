"""Which fault sets are pruned."""
