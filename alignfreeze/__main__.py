"""``python -m alignfreeze``, for launchers such as torchrun that want a module."""

from alignfreeze.cli.main import main

if __name__ == "__main__":
    main()
