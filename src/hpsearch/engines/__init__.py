"""Where training runs: workers, and the orders that they carry out."""
