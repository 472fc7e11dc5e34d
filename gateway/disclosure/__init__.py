"""What a table may tell. Pure."""
