"""An on-call engineer for the processes of a machine, who never forgets an incident."""

__version__ = "0.1.0"
