"""Reads: the project, its pages, regions, recorded outputs, sources and glossary."""
