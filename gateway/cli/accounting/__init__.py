"""Accountings of disclosures: what left about one person, and what is withheld for a time."""
