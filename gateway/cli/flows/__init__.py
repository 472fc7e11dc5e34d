"""Templates of agreements, as texts with blanks; `texts` reads them."""
