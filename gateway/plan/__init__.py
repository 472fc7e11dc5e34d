"""From a grant to what may be read and what may leave. Pure."""
