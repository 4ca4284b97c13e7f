"""Code of the area rl, a folder for each page."""
