"""Opens the doors: the command line, environments, the suite, the scaffold."""
