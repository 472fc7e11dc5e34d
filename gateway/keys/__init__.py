"""The gateway's keys: a folder that nobody else may read, under a master that may lie elsewhere."""
