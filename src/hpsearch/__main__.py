"""`python -m hpsearch` is the same as `hpsearch`."""

if __name__ == "__main__":
    from hpsearch.cli import main

    main()
