"""One exchange, top to bottom: the order of the code is the order of the promises."""
