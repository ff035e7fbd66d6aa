"""An HTTP server for a space of the tests', with nothing but Python's core: tells what it was asked, streams, and
switches protocols."""

import socket
import sys
import threading


def read_head(stream):
    line = stream.readline().decode()
    lines = []
    while line and (one := stream.readline().decode().rstrip("\r\n")):
        lines.append(one)
    return line.rstrip("\r\n"), lines


def read_body(stream, lines):
    """What came of a body, its chunks' sizes and trailers included as they were sent."""
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((line := stream.readline()), 16):
            body += line + stream.read(size + 2)
        body += line
        while (line := stream.readline()) != b"\r\n":
            body += line
        return body
    return stream.read(int(fields.get("content-length", "0")))


def answer(connection):
    stream = connection.makefile("rb")
    while True:
        request, lines = read_head(stream)
        if not request:
            break
        path = request.split(" ")[1]
        if path.startswith("/upgrade"):
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.sendall(b"over")
            break
        if path.startswith("/events"):
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode() + b"9\r\ndata: 1\n\n\r\n")
            threading.Event().wait()  # the rest never comes: who sees the first has not waited for it
        body = read_body(stream, lines)
        text = "\n".join([request, *lines, ""]).encode() + body
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=1; Domain=localhost\r\nContent-Length: {len(text)}\r\n\r\n"
        connection.sendall(head.encode() + text)
    connection.close()


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(128)
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
