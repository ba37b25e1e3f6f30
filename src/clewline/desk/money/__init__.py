"""Money of a case: tables from the chain store, request packs, what exchanges answer, lists."""
