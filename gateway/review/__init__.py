"""What officers ask of decide and plan. Pure."""
