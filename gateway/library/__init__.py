"""The officers' folder, read, judged and swapped in at once: the only way that rules reach us."""
