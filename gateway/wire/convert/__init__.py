"""Protobuf to values and back, total: a message is a value that keeps each rule, or an error."""
