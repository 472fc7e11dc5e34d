"""Adapters: one module an agency kind, between its own system and the gateway."""
