"""What officers ask of agreements before anybody asks for a record: pure, and over all requests."""
