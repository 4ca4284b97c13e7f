"""Code of the area recommenders, a folder for each page."""
