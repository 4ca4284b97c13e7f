"""Code of the page distributed/collectives: Collectives."""
