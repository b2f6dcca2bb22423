"""Putting a memory in order while nothing is wrong: repeats become counts, repeated success a proposal, old detail rests.

`Memory.consolidate` is the way in. Nothing is deleted silently: what happens to a record is an event of the log, and
`Consolidated.told` says it in words, also before anything is done (`dry_run`).
"""
