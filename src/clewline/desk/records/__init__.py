"""Sightings, payment options, addresses, brands: what payment pages said."""
