"""Code of the page inference/cost-and-capacity: Cost and capacity.

It builds on `snippets/inference/overview`.
"""
