"""A team's own payments: known to it alone, and guarded when a package is about to leave."""
