"""Code of the page inference/model-serving: Serving classical models."""
