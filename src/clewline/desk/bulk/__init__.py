"""Import many records from text: read, checked row by row, recorded in pieces, taken back whole."""
