"""How right the heuristics are: truth sets, what is found on them, and intervals of the error."""
