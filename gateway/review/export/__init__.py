"""Agreements in the words of other policy languages, each with a list of what it cannot say."""
