"""Speed, measured beside a floor or a peer in one run; docs/BENCHMARKS.md says how to read it."""
