"""Look-ups: a partner asks of exact identifiers, one person drafts, another releases."""
