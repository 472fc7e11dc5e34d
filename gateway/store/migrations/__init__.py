"""Migrations of the log's database, one module a revision; `store.migrate` runs them."""
