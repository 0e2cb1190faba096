"""The socket of a service manager: prints each line that is sent to it (sd_notify(3)).

    notified.py PATH
"""
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
while True:
    print(listener.recv(65536).decode(), flush=True)
