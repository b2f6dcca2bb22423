"""Learning at test time: experts that predict how a remedy will end, weighted by how well they did.

Values in, values out: no SQL, no files, no clock but the one passed in. It knows vectors, names of remedies and
rewards; nothing of operations.
"""
