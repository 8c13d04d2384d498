"""Lines of files, words, subwords."""
