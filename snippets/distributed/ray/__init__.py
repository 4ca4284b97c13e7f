"""Code of the page distributed/ray: Ray."""
