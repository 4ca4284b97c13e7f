"""Code of the page distributed/mfu: FLOPs and MFU."""
