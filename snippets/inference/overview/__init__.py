"""Code of the page inference/index: Inference and serving."""
