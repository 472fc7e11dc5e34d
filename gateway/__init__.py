"""Accord: a gateway between agencies that fight overdose deaths."""
