"""Cases: who works on what, and who may know of it."""
