"""Code of the page recommenders/index: Recommender systems.

It builds on `snippets/worlds`, two streaming services whose truth is known, and on
`snippets/shapes`, the datasheets of accelerators.
"""
