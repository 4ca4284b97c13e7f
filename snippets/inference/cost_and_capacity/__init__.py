"""Code of the page inference/cost-and-capacity: Cost and capacity."""
