"""Reports of a page: to the hotline of its country, and to brands of payment."""
