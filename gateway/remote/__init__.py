"""The other end of a wire: providers' adapters as sources, and the client of a recipient."""
