"""What an amendment widens and narrows: a comparison of what agreements let out, not of text."""
