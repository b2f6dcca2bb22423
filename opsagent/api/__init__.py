"""The versioned local API between the daemon and the command line: JSON Lines over a unix socket."""
