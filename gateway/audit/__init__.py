"""The exchange log's formats and checks. Pure."""
