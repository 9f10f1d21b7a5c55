"""Which fault set is next? Pure: it knows no Flask and no network."""
