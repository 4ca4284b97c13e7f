"""Calculators: a tested function of a snippet becomes a form, with the result for its defaults.

`engine` and `render` import the standard library alone: the build runs them, and the
browser runs the very same files. `fence` is the build's part.
"""
