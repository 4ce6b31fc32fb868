"""`python -m broadcaster` is `broadcaster`."""

from broadcaster.cli.main import main

if __name__ == "__main__":
    main()
