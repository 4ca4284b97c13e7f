"""Code of the page distributed/memory: Where memory goes."""
