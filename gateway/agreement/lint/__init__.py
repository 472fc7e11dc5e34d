"""What is wrong with a folder of agreements: a rule is a function, a subject a module."""
