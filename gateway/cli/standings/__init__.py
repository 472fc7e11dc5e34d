"""`accord consent` and `accord duty`: what people said, and what recipients owe."""
