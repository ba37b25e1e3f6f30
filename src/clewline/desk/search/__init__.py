"""Search: one box for everything that a person may know of; never for named individuals."""
