"""The page of an address: what is known, how sure, how fresh. Its rows are those of `records`."""
