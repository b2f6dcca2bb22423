"""Takes what is told and says nothing."""
import socket

door = socket.create_server(("127.0.0.1", 21371))
while True:
    door.accept()[0].close()
