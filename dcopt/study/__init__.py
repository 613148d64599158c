"""Studies: what the decision depends on. Scenarios are changes of cells; each is solved, proven and kept."""
