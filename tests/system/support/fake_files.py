"""What the server's files and archives are to a client, over a folder of this machine: for what the command line makes of them.

    fake_files.py PORT-FILE FOLDER      one space, called dev, whose files are in FOLDER and whose home is FOLDER/home
"""

import http.server
import io
import json
import os
import sys
import tarfile
import urllib.parse


class Files(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, data=b"", kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def fail(self, status, code, words):
        self.reply(status, json.dumps({"error": words, "code": code}).encode())

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def find(self):
        path, _, query = self.path.partition("?")
        self.query = urllib.parse.parse_qs(query)
        if path == "/api/openapi.yaml":
            self.reply(200, b"  /api/spaces/{name}/files/{path}:\n", "application/yaml")
            return None, None
        start, _, rest = path.removeprefix("/api/spaces/").partition("/")
        what, _, inner = rest.partition("/")
        if start != "dev":
            self.fail(404, "space_not_found", "no such space")
            return None, None
        inner = urllib.parse.unquote(inner)
        if inner == "~" or inner.startswith("~/"):
            inner = "home" + inner[1:]
        return what, os.path.join(sys.argv[2], inner)

    def do_GET(self):
        what, path = self.find()
        if what is None:
            return
        if not os.path.exists(path):
            self.fail(404, "not_found", "there is no " + path)
        elif what == "archive":
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as tar:
                tar.add(path, arcname=".")
            self.reply(200, packed.getvalue(), "application/x-tar")
        elif os.path.isdir(path):
            self.reply(200, json.dumps({"entries": os.listdir(path)}).encode())
        else:
            with open(path, "rb") as file:
                self.reply(200, file.read(), "application/octet-stream")

    do_HEAD = do_GET

    def do_PUT(self):
        what, path = self.find()
        if what is None:
            return
        data = self.body()
        if what == "archive":
            if self.query.get("parents") == ["true"]:
                os.makedirs(path, exist_ok=True)
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                tar.extractall(path, filter="tar") if hasattr(tarfile, "tar_filter") else tar.extractall(path)
            self.reply(204)
            return
        if not os.path.isdir(os.path.dirname(path)):
            self.fail(404, "not_found", "there is no folder for " + path)
            return
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, int(self.query.get("mode", ["0644"])[0], 8))
        self.reply(201)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as port_file:
    port_file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
