"""The chip: state in arrays, and the only calls into the kernels. Knows nothing of events."""
