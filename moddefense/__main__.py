"""``python -m moddefense`` is ``moddefense``."""

from moddefense.cli import main

if __name__ == "__main__":
    main()
