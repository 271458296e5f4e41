"""Reading runs: everything here works on a run folder alone."""
