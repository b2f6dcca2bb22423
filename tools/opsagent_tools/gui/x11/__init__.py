"""What an X server is asked and told: connections with a cookie of their own, windows, monitors."""
