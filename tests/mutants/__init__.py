"""Mutation testing: small changes to the product, each of which a test should notice.

`make mutants` makes 400 of them; `python -m tests.mutants --help` says what else can be chosen.
"""
