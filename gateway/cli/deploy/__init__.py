"""A development deployment, written whole, its agreements signed."""
