"""What all pages share: frame, styles, errors, the first page."""
