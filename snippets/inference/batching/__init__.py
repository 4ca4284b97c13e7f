"""Code of the page inference/batching: Batching and queueing."""
