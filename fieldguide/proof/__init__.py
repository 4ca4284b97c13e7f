"""Judges: rules, recorded outputs and facts, published numbers, notebooks, tests."""
