"""`python -m move37` is the same as `move37`."""

from move37.faces.cli.main import main

if __name__ == "__main__":
    main()
