"""`accord disclosure`: hide cells of a table so that nobody finds them again, or try to find them.

Works on plain CSV files, ours or anybody's, and never speaks with a gateway.
"""
