"""Request packs: what an investigator sends to one exchange, made from plain data alone."""
