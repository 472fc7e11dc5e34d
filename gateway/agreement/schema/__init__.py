"""The language as JSON Schemas, for editors: what may stand where, and what it means."""
