"""The pages: what a template shows, as frozen types, and the documents that they become."""
