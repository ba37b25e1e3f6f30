"""Private matching between a hotline's list and an exchange's customers.

The exchange learns which of its items stand in the list; the hotline learns how many items were
asked, and how many matched if it is told. `psi` is the method, `hotline` and `exchange` the two
sides, `carriers` and `service` how messages travel. docs/MATCHING.md says what it protects.
"""
