"""The exchange log and other state, on SQLite."""
