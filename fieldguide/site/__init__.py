"""Shows: the Markdown extension, the build, its assets, search and lists for programs."""
