"""The C loop that is the floor of ``make bench``: its source, and how it is built."""
