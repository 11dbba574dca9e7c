"""Keeping word lists in order: lint, audit, mine, edit, compare, convert.

Each module has one job, and imports what is heavier than the matcher only when it is used.
"""
