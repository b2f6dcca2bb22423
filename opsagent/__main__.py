"""`python -m opsagent`."""

from opsagent.cli.main import run

if __name__ == "__main__":
    run()
