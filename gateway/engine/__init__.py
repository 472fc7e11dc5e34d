"""Runs plans: what a batch is made into, how batches overlap, and the engine of both."""
