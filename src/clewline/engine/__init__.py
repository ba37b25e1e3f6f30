"""Pure functions over arrays: no input or output, no clock, no globals."""
