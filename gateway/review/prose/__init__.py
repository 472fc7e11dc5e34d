"""Agreements in sentences, clause by clause, for people who read no YAML."""
