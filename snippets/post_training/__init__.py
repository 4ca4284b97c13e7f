"""Code of the area post-training, a folder for each page."""
