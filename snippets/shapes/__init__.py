"""Shapes of published models and rates of accelerators, each number once, with its source.

Every page may build on this folder. It needs nothing but the standard library.
"""
