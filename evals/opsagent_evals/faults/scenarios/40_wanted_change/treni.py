"""Asks for the timetable now and then."""
import sys
import time
import urllib.request

while True:
    time.sleep(0.7)
    try:
        urllib.request.urlopen("http://127.0.0.1:21400/", timeout=1).read()
    except OSError as error:
        sys.stderr.write(f"ERRORE: orari non risponde ({error})\n")
