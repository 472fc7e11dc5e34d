"""The agreement language: model, strict reading, lint, signing. Pure."""
