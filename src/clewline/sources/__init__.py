"""Where blocks come from, and which of them are the active chain."""
