"""What corresponds to what, and what to do about it. Pure: no I/O, no clock, no framework, standard library only."""
