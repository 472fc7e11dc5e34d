"""A synthetic county: each agency's system of record, in that agency's own format, from a seed.

Nobody in it exists. Every module but `write` is pure: a `random.Random` and `now` come in, values
come out.
"""
