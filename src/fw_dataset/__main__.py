"""``python -m fw_dataset`` is the command ``fw-dataset``."""

from fw_dataset.cli import main

if __name__ == "__main__":
    main()
