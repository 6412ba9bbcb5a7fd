"""The fault sweep: every AWS call of a deployment goes wrong in every way, and the app is all new or all old after it.

`make sweep` tries everything; `python -m tests.sweep --help` says what else can be tried.
"""
