"""Code of the page transformers/position-encoding: Position encoding."""
