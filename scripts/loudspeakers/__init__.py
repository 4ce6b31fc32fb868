"""Virtual loudspeakers for trials, tests and benchmarks: what `scripts/fleet` runs."""
