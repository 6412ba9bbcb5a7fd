"""The fault sweep: every AWS call of a deployment fails in every way, and the app is all new or all old afterwards.

`make sweep` tries everything; `python -m tests.sweep --help` lists the options.
"""
