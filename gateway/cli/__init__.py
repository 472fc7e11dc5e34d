"""`accord`: one module a verb group; the composition root."""
