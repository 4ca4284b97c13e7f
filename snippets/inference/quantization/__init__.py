"""Code of the page inference/quantization: Quantization."""
