"""The independent reader of an exchange log: from a folder, a web server or a database."""
