"""Welfare: wording is masked until somebody says why they need it, and that is counted."""
