"""Engine processes, from the other end of their pipe."""
