"""Code of the page distributed/hardware: Accelerators and roofline."""
