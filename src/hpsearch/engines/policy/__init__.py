"""What is decided once for a study: its cores, its device, how many members train side by side."""
