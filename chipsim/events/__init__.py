"""SimPy processes: what happens when. One behaviour a module; the only place that knows SimPy."""
