"""What a desk counts: measures as data, counts by year and month, what was published of them."""
