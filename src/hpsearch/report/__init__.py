"""From typed results to one self-contained HTML file."""
