"""Real names of brands and titles of cases: to named people, for a reason, until a day."""
