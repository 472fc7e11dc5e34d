"""gRPC at the edge: the chain of steps, status, conversion. Shared by rpc, remote and adapters."""
