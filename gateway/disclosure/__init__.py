"""What a number gives away: patterns that hide cells, and the attacker who judges them. Pure."""
