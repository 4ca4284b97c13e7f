"""Code of the page transformers/index: the sizes and FLOPs of any decoder.

It builds on the folder snippets/shapes.
"""
