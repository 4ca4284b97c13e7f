"""The code of the guide: one folder an area, one file an idea."""
