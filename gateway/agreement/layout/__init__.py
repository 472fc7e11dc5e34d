"""How officers' files are laid out: one order of keys, one indent, every comment kept."""
