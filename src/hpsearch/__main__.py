"""`python -m hpsearch` is the same as `hpsearch`."""

if __name__ == "__main__":
    # Not above: a worker that is spawned runs this file too, under another name, and parses nothing.
    from hpsearch.cli import main

    main()
