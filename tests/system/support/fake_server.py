"""A server that is not what it should be: answers every request alike.

    fake_server.py PORT-FILE STATUS CONTENT-TYPE BODY [CERTIFICATE-AND-KEY]

With BODY `-` it closes each connection without an answer. PORT-FILE says where it listens. `/api/health` is answered with
HEALTH, where the environment has that.
"""

import http.server
import os
import ssl
import sys


class Fake(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = sys.argv[4]
        if body == "-":
            self.close_connection = True
            return
        status = int(sys.argv[2])
        if self.path == "/api/health" and "HEALTH" in os.environ:
            status, body = 200, os.environ["HEALTH"]
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", sys.argv[3])
        self.send_header("Content-Length", str(len(data)))
        if status // 100 == 3:
            self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
if len(sys.argv) > 5:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
