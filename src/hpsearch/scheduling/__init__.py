"""What is trained next, and what is stopped: no I/O, no Keras."""
