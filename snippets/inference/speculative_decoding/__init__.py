"""Code of the page inference/speculative-decoding: Speculative decoding."""
