"""How long records are kept, what holds them, and how they are erased."""
