"""Pages of prose written down: as Markdown, and as HTML that loads nothing."""
