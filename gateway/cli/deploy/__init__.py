"""A development deployment, written whole: authority, certificates, keys, settings, signed agreements."""
