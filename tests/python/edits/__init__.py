"""Random projects, random edits of them, and how they are run: for `test_reconcile_random.py`.

`model` is what a project declares and the files that say so, `sql` and `functions` the assets' code, `steps` the edits,
`process` the commands.
"""
