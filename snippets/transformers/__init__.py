"""Code of the area transformers, a folder for each page."""
