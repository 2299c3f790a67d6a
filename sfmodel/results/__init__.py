"""From the meters of a run to labelled data, run folders, measures and tables."""
