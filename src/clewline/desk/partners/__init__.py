"""Those outside with whom the desk deals: who they are, what they may be told, how we know them."""
