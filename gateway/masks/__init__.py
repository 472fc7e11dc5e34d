"""The closed set of masks: transforms of one field, each with its guarantee. Pure."""
