"""Holds a real server's answers against docs/openapi.yaml, with validators that are not ours.

Needs CLAWDSPACE_TEST_BUILD (a build folder) and DOCKER_HOST; CLAWDSPACE_TEST_IMAGE names the image of spaces.
"""

import base64
import gzip
import http.client
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
KEY = "a-key-for-the-tests"
PREFIX = f"oapi{os.getpid()}"
PATIENCE = 60  # seconds, for one answer
COMMAND_ROUTES = (
    ("GET", "/execs/some"),
    ("DELETE", "/execs/some"),
    ("GET", "/execs/some/output"),
    ("POST", "/execs/some/stdin"),
    ("POST", "/execs/some/signal"),
    ("POST", "/execs/some/resize"),
    ("GET", "/execs/some/terminal"),
)
PORT_ROUTES = (("GET", "/ports/80"), ("PUT", "/ports/80"), ("POST", "/ports/80/links"), ("GET", "/ports/80/x"))
# Whatever the method, it is a server's in the space to answer.
PROXIED = "/api/spaces/{name}/ports/{port}/{path}"
FILE_ROUTES = (
    ("GET", "/files/etc/hosts"),
    ("PUT", "/files/tmp/x"),
    ("POST", "/files/tmp/x"),
    ("DELETE", "/files/tmp/x"),
    ("GET", "/archive/etc"),
    ("PUT", "/archive/tmp"),
    ("GET", "/watch/tmp"),
)


def example_of(pattern):
    """A path of that form."""
    return re.sub(r"\{(\w+)\}", lambda part: "80" if part[1] == "port" else "some", pattern)


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
}


class Daemon:
    """A daemon of its own, on a free port, with its own state."""

    def __init__(self, *settings, docker=None):
        self.folder = tempfile.mkdtemp(prefix="clawdspace-openapi-")
        build = Path(os.environ["CLAWDSPACE_TEST_BUILD"])
        arguments = [build / "src/app/clawdspaced", "--port", "0", "--state-dir", self.folder + "/state"]
        arguments += ["--static-dir", ROOT / "static"]
        for setting in (
            "spaces.image=" + os.environ.get("CLAWDSPACE_TEST_IMAGE", "clawdspace/space:test"),
            "spaces.instance=" + PREFIX,
            "spaces.memory=256m",
            *settings,
        ):
            arguments += ["--set", setting]
        environment = dict(os.environ, API_KEY=KEY)
        if docker:
            environment["DOCKER_HOST"] = docker
        self.log = open(self.folder + "/log", "w+")
        self.process = subprocess.Popen(arguments, env=environment, stdout=self.log, stderr=self.log)
        self.port = self._port()
        if docker is None:
            self._wait_for_engine()

    def _wait_for_engine(self):
        for _ in range(600):
            if self.ask("GET", "/api/spaces").status == 200:
                return
            threading.Event().wait(0.05)
        raise AssertionError("the Engine was not reached: " + Path(self.folder, "log").read_text())

    def _port(self):
        """Waits until the log tells it."""
        for _ in range(600):
            told = re.search(r"http://127\.0\.0\.1:(\d+)", Path(self.folder, "log").read_text())
            if told:
                return int(told[1])
            if self.process.poll() is not None:
                break
            threading.Event().wait(0.05)
        raise AssertionError("the daemon did not start: " + Path(self.folder, "log").read_text())

    def stop(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.log.close()
        words = Path(self.folder, "log").read_text()
        shutil.rmtree(self.folder)
        assert code == 0, f"the daemon ended with {code}: {words}"

    def ask(self, method, path, body=None, key=KEY, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            headers["Authorization"] = "Bearer " + key
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.payload = b""
        if response.headers.get("Content-Type") != "text/event-stream":
            response.payload = response.read()
            connection.close()
        else:
            response.connection = connection
        return response


def validate(schema, value):
    whole = dict(schema, components=DOCUMENT["components"])
    errors = sorted(Draft202012Validator(whole).iter_errors(value), key=str)
    if errors:
        raise AssertionError("\n".join(f"{error.json_path}: {error.message}" for error in errors) + f"\nin {value}")


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def operation_of(method, path):
    """The pattern and the operation that describe a request."""
    bare = path.split("?")[0]
    for pattern, item in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern.replace("{path}", ".*")), bare):
            return pattern, item.get(method.lower())
    return None, None


class Case(unittest.TestCase):
    answered = set()  # (method, pattern, status)

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.spaces = set()

    @classmethod
    def tearDownClass(cls):
        for name in cls.spaces:
            cls.daemon.ask("DELETE", f"/api/spaces/{name}")
        cls.daemon.stop()

    def ask(self, method, path, body=None, *, expect, code=None, daemon=None, **more):
        """Sends it, and checks the answer's status, type, headers and body against the document."""
        response = (daemon or self.daemon).ask(method, path, body, **more)
        self.assertEqual(response.status, expect, response.payload)
        pattern, operation = operation_of(method, path)
        self.assertIsNotNone(operation, f"{method} {path} is not in the document")
        answers = operation["responses"]
        described = resolve(answers.get(str(expect)) or answers["default"])
        self.answered.add((method, pattern, str(expect)))
        self.assertRegex(response.headers["X-Request-Id"], "^[0-9a-f]+$")
        for name, header in described.get("headers", {}).items():
            value = response.headers.get(name)
            if value is None:
                self.assertFalse(header.get("required"), f"{name} is missing")
            else:
                schema = resolve(header["schema"])
                validate(schema, int(value) if schema.get("type") == "integer" else value)
        content = described.get("content")
        if content is None:
            self.assertEqual(response.payload, b"")
            return None
        media = response.headers["Content-Type"]
        self.assertIn(media, content)
        if media == "application/json":
            value = json.loads(response.payload)
            validate(content[media]["schema"], value)
            if code is not None:
                self.assertEqual(value["code"], code)
            return value
        if media == "application/x-ndjson":
            lines = [json.loads(line) for line in response.payload.splitlines()]
            for line in lines:
                validate(content[media]["schema"], line)
            return lines
        return response

    def make(self, name, daemon=None, **fields):
        if daemon is None:
            self.spaces.add(name)
        return self.ask("POST", "/api/spaces", {"name": name, **fields}, expect=201, daemon=daemon)

    def running(self, name):
        """The id of a command that runs in a space, once there is one."""
        for _ in range(600):
            for one in self.ask("GET", f"/api/spaces/{name}/execs", expect=200)["execs"]:
                if one["state"] == "running":
                    return one["id"]
            threading.Event().wait(0.05)
        raise AssertionError("no command came to run in " + name)


class Answers(Case):
    def test_schemas(self):
        for name, schema in DOCUMENT["components"]["schemas"].items():
            with self.subTest(name):
                Draft202012Validator.check_schema(schema)

    def test_references(self):
        def walk(node):
            if isinstance(node, dict):
                if "$ref" in node:
                    resolve(node)
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)

        walk(DOCUMENT)

    def test_routes(self):
        """Those of the document are those of the server, both ways."""
        source = (ROOT / "src/api/service.cpp").read_text()
        served = set(re.findall(r'add(?:_preview)?\("([A-Z]+)", "(/api/[^"]*)"', source.replace("*}", "}"))) | {("GET", PROXIED)}
        self.assertIn(f'"{PROXIED[:-1]}*}}"', source)
        described = {
            (method.upper(), pattern)
            for pattern, item in DOCUMENT["paths"].items()
            for method in item
            if method != "parameters"
        }
        self.assertEqual(served, described)
        for pattern in set(DOCUMENT["paths"]) - {PROXIED, "/api/spaces/{name}/ports/{port}/links"}:
            response = self.daemon.ask("REPORT", example_of(pattern))
            self.assertEqual(response.status, 405)
            validate({"$ref": "#/components/schemas/Error"}, json.loads(response.payload))
            allowed = set(response.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}
            self.assertEqual(allowed, {method for method, at in described if at == pattern})

    def test_codes(self):
        """Those of the document are those that a failure can have."""
        source = (ROOT / "src/api/problem.cpp").read_text()
        given = set(re.findall(r'\{\d{3}, "(\w+)"', source))
        self.assertEqual(given, set(DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]))

    def test_served(self):
        response = self.ask("GET", "/api/openapi.yaml", expect=200)
        self.assertEqual(response.payload.rstrip(), (ROOT / "docs/openapi.yaml").read_bytes().rstrip())

    def test_system(self):
        self.assertEqual(self.ask("GET", "/api/health", key=None, expect=200)["status"], "ok")
        self.ask("GET", "/api/system", expect=200)

    def test_key(self):
        for pattern, item in DOCUMENT["paths"].items():
            for method, operation in item.items():
                if method == "parameters" or operation.get("security") == []:
                    continue
                path = example_of(pattern)
                for key in (None, "another", KEY + "x", KEY[:-1]):
                    self.ask(method.upper(), path, key=key, expect=401, code="unauthorized")

    def test_unknown_space(self):
        for method, path in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("GET", "/stats"),
            ("POST", "/stop"),
            ("POST", "/start"),
            ("POST", "/exec"),
            ("PUT", "/exec?command=true"),
            ("GET", "/terminal"),
            ("GET", "/execs"),
            ("GET", "/ports"),
            ("GET", "/tunnel/80"),
            *PORT_ROUTES,
            *COMMAND_ROUTES,
            *FILE_ROUTES,
        ):
            self.ask(method, f"/api/spaces/{PREFIX}-none{path}", {} if method != "GET" else None, expect=404)

    def test_life(self):
        name = f"{PREFIX}-life"
        made = self.make(name, metadata={"kind": "test"}, memory="128m", cpus=0.5, pids=64)
        self.assertEqual((made["memory"], made["cpus"], made["pids"]), (128 << 20, 0.5, 64))
        at = f"/api/spaces/{name}"
        self.ask("GET", at, expect=200)
        self.ask("POST", "/api/spaces", {"name": name}, expect=409, code="name_taken")
        listed = self.ask("GET", "/api/spaces?label=kind%3Dtest", expect=200)["spaces"]
        self.assertIn(name, [one["name"] for one in listed])
        self.ask("GET", "/api/spaces?label=kind", expect=400, code="invalid_field")
        self.ask("GET", "/api/spaces?other=1", expect=400, code="unknown_field")
        self.ask("PATCH", at, {"idleTimeoutMs": 0, "ttlMs": 0}, expect=200)
        self.ask("PATCH", at, {"memory": 1}, expect=400, code="invalid_field")
        self.ask("PATCH", at, {"name": "other"}, expect=400, code="unknown_field")
        self.assertEqual(self.ask("POST", at + "/stop", expect=200)["state"], "paused")
        self.assertEqual(self.ask("POST", at + "/stop", {"depth": "stopped"}, expect=200)["state"], "stopped")
        self.ask("POST", at + "/stop", {"depth": "deep"}, expect=400, code="invalid_field")
        self.assertEqual(self.ask("POST", at + "/start", expect=200)["state"], "running")
        self.ask("POST", at + "/start", {"depth": "stopped"}, expect=400, code="unknown_field")
        for method, path in (("PATCH", at), ("POST", at + "/stop"), ("POST", at + "/start"), ("POST", at + "/exec")):
            self.ask(method, path, "<a/>", Content_Type="text/xml", expect=415, code="unsupported_media_type")
            self.ask(method, path, b"{", expect=400, code="invalid_json")
            self.ask(method, path, [], expect=400, code="invalid_json")
        self.ask("DELETE", at, expect=204)
        self.ask("DELETE", at, expect=404, code="space_not_found")

    def test_create_refused(self):
        for body, status, code in (
            (b"{", 400, "invalid_json"),
            ({"name": "Bad_Name"}, 400, "invalid_name"),
            ({"name": "x", "memory": "lots"}, 400, "invalid_field"),
            ({"name": "x", "colour": "red"}, 400, "unknown_field"),
            ({"name": f"{PREFIX}-x", "image": "no/such:image"}, 404, "image_not_found"),
        ):
            self.ask("POST", "/api/spaces", body, expect=status, code=code)
        self.ask("POST", "/api/spaces", "a", Content_Type="text/plain", expect=415)

    def test_exec(self):
        name = f"{PREFIX}-exec"
        self.make(name)
        at = f"/api/spaces/{name}/exec"
        told = self.ask("POST", at, {"command": "echo out; echo err >&2; exit 3"}, expect=200)
        self.assertEqual((told["stdout"], told["stderr"], told["exitCode"]), ("out\n", "err\n", 3))
        told = self.ask("POST", at, {"command": "printf '\\377'"}, expect=200)
        self.assertEqual(base64.b64decode(told["stdoutBase64"]), b"\xff")
        for command, outcome in (
            ("kill -9 $$", "signaled"),
            (["/no/such/program"], "failed_to_start"),
        ):
            self.assertEqual(self.ask("POST", at, {"command": command}, expect=200)["outcome"], outcome)
            lines = self.ask("POST", at + "?stream=ndjson", {"command": command}, expect=200)
            self.assertEqual((lines[0]["type"], lines[-1]["type"]), ("started", "exit"))
            self.assertEqual(lines[-1]["outcome"], outcome)
        told = self.ask("POST", at, {"command": "sleep 60", "timeoutMs": 100}, expect=200)
        self.assertEqual((told["outcome"], told["confirmed"]), ("timed_out", True))
        lines = self.ask("POST", at + "?stream=ndjson", {"command": "printf 'a\\377'; echo e >&2"}, expect=200)
        self.assertEqual({line["type"] for line in lines}, {"started", "stdout", "stderr", "exit"})
        told = self.ask("PUT", at + "?command=cat", b"\xc3\xa4", expect=200)
        self.assertEqual(told["stdout"], "ä")
        raw = self.ask("PUT", at + "?arg=cat&stream=raw", b"\0\xff", expect=200)
        self.assertEqual(raw.payload, b"\0\xff")
        raw = self.ask("POST", at + "?arg=cat&stream=raw", b"ab", Content_Type="application/octet-stream", expect=200)
        self.assertEqual(raw.payload, b"ab")
        described = resolve(operation_of("PUT", at)[1]["responses"]["200"])["headers"]
        for trailer in raw.headers["Trailer"].split(", "):
            self.assertIn(trailer, described)
        for body, code in (
            ({}, "invalid_command"),
            ({"command": ""}, "invalid_command"),
            ({"command": "a\0b"}, "invalid_command"),
            ({"command": "true", "cwd": 1}, "invalid_field"),
            ({"command": "true", "shell": True}, "unknown_field"),
        ):
            self.ask("POST", at, body, expect=400, code=code)
        self.ask("PUT", at, b"", expect=400, code="invalid_command")

    def test_commands(self):
        name = f"{PREFIX}-things"
        self.make(name)
        at = f"/api/spaces/{name}"
        run = {"command": "echo out; echo err >&2; cat; exit 3", "detach": True, "openStdin": True}
        started = self.ask("POST", at + "/exec", run, expect=202)
        self.ask("PUT", at + "/exec?command=true&detach=true&openStdin=true", b"", expect=202)
        it = f"{at}/execs/{started['id']}"
        self.assertEqual(self.ask("GET", it, expect=200)["state"], "running")
        self.assertIn(started["id"], [one["id"] for one in self.ask("GET", at + "/execs", expect=200)["execs"]])
        self.ask("POST", it + "/stdin?close=false", b"in", expect=200)
        self.ask("POST", it + "/stdin?shut=1", b"", expect=400, code="unknown_field")
        self.ask("POST", it + "/stdin", b"put\n", expect=200)
        lines = self.ask("GET", it + "/output?stream=ndjson", expect=200)
        self.assertEqual(lines[-1]["exitCode"], 3)
        raw = self.ask("GET", it + "/output?output=stdout&offset=4", expect=200)
        self.assertEqual(raw.payload, b"input\n")
        self.ask("GET", it + "/output?stream=html", expect=400, code="invalid_field")
        self.ask("GET", it + "/output?offset=999", expect=416, code="offset_out_of_range")
        self.ask("POST", it + "/stdin", b"more", expect=409, code="conflict")
        self.ask("POST", it + "/signal", {"signal": "SIGINT"}, expect=409, code="conflict")
        attached = self.ask("POST", at + "/exec", {"command": "true"}, expect=200)
        self.ask("GET", f"{at}/execs/{attached['id']}/output", expect=409, code="no_history")
        for method, path in COMMAND_ROUTES:
            if not path.endswith("/terminal"):
                body = {"/signal": {"signal": 2}, "/resize": {"rows": 1, "cols": 1}}.get(path[11:])
                self.ask(method, at + path, body, expect=404, code="exec_not_found")
        sleeper = self.ask("POST", at + "/exec", {"command": "sleep 60", "detach": True}, expect=202)
        it = f"{at}/execs/{sleeper['id']}"
        self.ask("POST", it + "/resize", {"rows": 2, "cols": 2}, expect=409, code="conflict")
        self.ask("POST", it + "/signal", {"signal": "SIGNONE"}, expect=400, code="invalid_field")
        self.ask("POST", it + "/resize", {"rows": 0, "cols": 2}, expect=400, code="invalid_field")
        for path in ("/signal", "/resize"):
            self.ask("POST", it + path, "a", Content_Type="text/plain", expect=415)
        self.ask("POST", it + "/signal", {"signal": "SIGCONT", "tree": True}, expect=204)
        ended = self.ask("DELETE", it, expect=200)
        self.assertEqual((ended["outcome"], ended["confirmed"]), ("canceled", True))

    def test_files(self):
        name = f"{PREFIX}-files"
        self.make(name)
        files = f"/api/spaces/{name}/files"
        it = files + "/tmp/a%20file"
        made = self.ask("PUT", it + "?mode=0640", b"content", expect=201)
        self.assertEqual((made["name"], made["size"], made["mode"]), ("a file", 7, "0640"))
        got = self.ask("GET", it, expect=200)
        self.assertEqual(got.payload, b"content")
        etag = got.headers["ETag"]
        self.assertEqual(self.ask("GET", it, Range="bytes=3-", expect=206).payload, b"tent")
        self.ask("GET", it, If_None_Match=etag, expect=304)
        self.ask("GET", it, If_Match='"other"', expect=412, code="precondition_failed")
        self.ask("GET", it, Range="bytes=7-", expect=416, code="range_not_satisfiable")
        self.ask("PUT", it, b"new", If_Match=etag, expect=204)
        self.ask("PUT", it, b"newer", If_Match=etag, expect=412, code="precondition_failed")
        self.ask("PUT", it, b"newer", If_None_Match="*", expect=412, code="precondition_failed")
        self.ask("PUT", it, b"", Content_Encoding="gzip", expect=415, code="unsupported_media_type")
        self.ask("DELETE", it, If_Match=etag, expect=412, code="precondition_failed")
        page = self.ask("GET", files + "/etc?limit=2", expect=200)
        self.assertEqual((len(page["entries"]), page["more"]), (2, True))
        self.ask("GET", f"{files}/etc?after={page['next']}", expect=200)
        for method, path, body, code in (
            ("GET", "/%zz", None, "malformed_request"),
            ("GET", "/a%00b", None, "invalid_field"),
            ("GET", "/etc?limit=0", None, "invalid_field"),
            ("GET", "/etc?user=nobody-at-all", None, "invalid_field"),
            ("PUT", "/tmp/x?mode=9", b"", "invalid_field"),
            ("DELETE", "/tmp/x?all=true", None, "unknown_field"),
            ("POST", "/tmp/x", {"op": "format"}, "invalid_field"),
            ("POST", "/tmp/x", {"op": "mkdir", "recursive": True}, "unknown_field"),
        ):
            self.ask(method, files + path, body, expect=400, code=code)
        for method, path, body in (
            ("GET", "/root/x", None),
            ("PUT", "/etc/x", b""),
            ("POST", "/etc/x", {"op": "mkdir"}),
            ("DELETE", "/etc/hostname", None),
        ):
            self.ask(method, files + path, body, expect=403, code="not_allowed")
        self.ask("POST", it, {"op": "chmod", "mode": "600"}, expect=200)
        self.ask("POST", it, {"op": "copy", "to": "/tmp/other"}, expect=201)
        self.ask("POST", it, {"op": "copy", "to": "/tmp/other"}, expect=409, code="exists")
        self.ask("POST", files + "/tmp/link", {"op": "symlink", "to": "nowhere"}, expect=201)
        self.ask("POST", it, "a", Content_Type="text/plain", expect=415, code="unsupported_media_type")
        self.ask("DELETE", it, expect=204)
        for method, body in (("GET", None), ("DELETE", None), ("POST", {"op": "rename", "to": "/tmp/y"})):
            self.ask(method, it, body, expect=404, code="not_found")
        self.ask("PUT", files + "/tmp/none/x", b"", expect=404, code="not_found")
        # /dev/shm of a container has 64 MiB.
        self.ask("PUT", files + "/dev/shm/large", b"x" * (70 << 20), expect=507, code="no_space")
        self.assertEqual(self.ask("GET", files + "/dev/shm", expect=200)["entries"], [])
        self.ask("PUT", files + "/dev/shm/large", b"x" * (40 << 20), expect=201)
        self.ask("POST", files + "/dev/shm/large", {"op": "copy", "to": "/dev/shm/more"}, expect=507, code="no_space")
        self.ask("DELETE", files + "/dev/shm/large", expect=204)

    def test_archives(self):
        name = f"{PREFIX}-archives"
        self.make(name)
        at = f"/api/spaces/{name}/archive"
        got = self.ask("GET", at + "/etc/default", expect=200)
        with tarfile.open(fileobj=io.BytesIO(got.payload)) as tar:
            self.assertEqual(tar.getmembers()[0].name, ".")
        told = self.ask("PUT", at + "/tmp/copy?parents=true", gzip.compress(got.payload), expect=200)
        self.assertTrue(told["created"])

        def packed(member, content=b""):
            whole = io.BytesIO()
            with tarfile.open(fileobj=whole, mode="w") as tar:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            return whole.getvalue()

        self.ask("PUT", at + "/tmp", packed(tarfile.TarInfo("../out")), expect=400, code="outside")
        self.ask("PUT", at + "/tmp", b"no archive" * 100, expect=400, code="bad_archive")
        self.ask("PUT", at + "/tmp?mode=1", b"", expect=400, code="unknown_field")
        self.ask("PUT", at + "/etc", packed(tarfile.TarInfo("x")), expect=403, code="not_allowed")
        self.ask("PUT", at + "/tmp/none", packed(tarfile.TarInfo("x")), expect=404, code="not_found")
        self.ask("PUT", at + "/dev/shm", packed(tarfile.TarInfo("x"), b"x" * (70 << 20)), expect=507, code="no_space")
        self.ask("GET", at + "/etc?x=1", expect=400, code="unknown_field")
        self.ask("GET", at + "/root", expect=403, code="not_allowed")
        self.ask("GET", at + "/none", expect=404, code="not_found")

    def test_watch(self):
        name = f"{PREFIX}-watch"
        self.make(name)
        at = f"/api/spaces/{name}"
        self.ask("GET", at + "/watch/none", expect=404, code="not_found")
        self.ask("GET", at + "/watch/root", expect=403, code="not_allowed")
        self.ask("GET", at + "/watch/etc?deep=true", expect=400, code="unknown_field")
        stream = self.ask("GET", at + "/watch/tmp", expect=200)
        try:
            self.ask("POST", at + "/files/tmp/made", {"op": "mkdir"}, expect=201)
            lines = []
            while not lines or not lines[-1].startswith("data: "):
                line = stream.readline().decode()
                self.assertTrue(line, "the stream ended")
                lines.append(line.rstrip())
            self.assertEqual(lines[-2], "event: created")
            data = json.loads(lines[-1][6:])
            validate({"$ref": "#/components/schemas/FileChange"}, data)
            self.assertEqual(data, {"path": "made", "folder": True})
        finally:
            stream.connection.close()

    def test_terminal(self):
        name = f"{PREFIX}-terminal"
        self.make(name)
        at = f"/api/spaces/{name}/terminal"
        self.ask("GET", at, expect=426, code="upgrade_required")
        self.ask("GET", at, **dict(HANDSHAKE, Sec_WebSocket_Key="short"), expect=400)
        self.ask("GET", at, **HANDSHAKE, Origin="https://elsewhere.example", expect=403, code="origin_refused")
        self.ask("GET", at, **HANDSHAKE, expect=101)
        ticket = self.ask("POST", "/api/tickets", expect=201)["ticket"]
        self.ask("POST", "/api/tickets", {"for": "me"}, expect=400)
        self.ask("POST", "/api/tickets", "a", Content_Type="text/plain", expect=415)
        self.ask("GET", f"{at}?ticket={ticket}", key=None, **HANDSHAKE, expect=101)
        self.ask("GET", f"{at}?ticket={ticket}", key=None, **HANDSHAKE, expect=401)
        it = f"/api/spaces/{name}/execs/{self.running(name)}"
        self.ask("POST", it + "/resize", {"rows": 10, "cols": 40}, expect=204)
        self.ask("GET", it + "/terminal", **HANDSHAKE, expect=101)
        self.ask("GET", it + "/terminal", expect=426)
        self.ask("GET", it + "/terminal?rows=x", **HANDSHAKE, expect=400)
        self.ask("GET", it + "/terminal", **HANDSHAKE, Origin="https://elsewhere.example", expect=403)
        self.ask("GET", f"/api/spaces/{name}/execs/some/terminal", **HANDSHAKE, expect=404, code="exec_not_found")

    def test_session(self):
        ticket = self.ask("POST", "/api/tickets", {"for": "session"}, expect=201)["ticket"]
        self.ask("POST", "/api/tickets", {"for": "session"}, key=None, expect=401)
        token = self.ask("POST", "/api/sessions", {"ticket": ticket}, key=None, expect=201)["token"]
        self.ask("POST", "/api/sessions", {"ticket": ticket}, key=None, expect=401, code="unauthorized")
        self.ask("POST", "/api/sessions", {}, key=None, expect=400, code="invalid_field")
        self.ask("POST", "/api/sessions", "a", key=None, Content_Type="text/plain", expect=415)
        self.ask("POST", "/api/sessions", b"a" * 8192, key=None, expect=413)
        self.ask("GET", "/api/spaces", key=token, expect=200)
        self.ask("GET", "/api/spaces", key=token + "0", expect=401, code="unauthorized")

    def test_stats(self):
        name = f"{PREFIX}-stats"
        self.make(name, memory="128m", cpus=0.5, pids=64)
        at = f"/api/spaces/{name}/stats"
        seen = self.ask("GET", at + "?history=true", expect=200)
        self.assertEqual(seen["limits"], {"memory": 128 << 20, "cpus": 0.5, "pids": 64})
        self.assertGreater(seen["usage"]["memory"], 0)
        self.assertGreaterEqual(seen["usage"]["pids"], 1)
        self.assertIsNotNone(seen["usage"]["cpus"])
        self.ask("GET", at + "?follow=perhaps", expect=400, code="invalid_field")
        self.ask("GET", at, key=None, expect=401)
        events = self.ask("GET", "/api/events?usage=true", expect=200)
        self.ask("GET", "/api/events?usage=perhaps", expect=400)
        stream = self.ask("GET", at + "?follow=true&history=true", expect=200)
        schemas = {"limits": "Limits", "history": "UsageHistory", "usage": "Usage"}
        try:
            seen = []
            while "usage" not in seen:
                kind, data = self.next_event(stream)
                validate({"$ref": f"#/components/schemas/{schemas[kind]}"}, data)
                seen.append(kind)
            self.assertEqual(seen, ["limits", "history", "usage"])
            kind, told = "", {}
            while kind != "usage" or name not in told["spaces"]:
                kind, told = self.next_event(events)
                if kind == "usage":
                    validate({"$ref": "#/components/schemas/UsageEvent"}, told)
            self.ask("POST", f"/api/spaces/{name}/stop", {"depth": "stopped"}, expect=200)
            self.assertEqual(self.ask("GET", at, expect=200)["usage"]["memory"], 0)
            self.ask("DELETE", f"/api/spaces/{name}", expect=204)
            while stream.readline():  # a stream about a space ends with it
                pass
        finally:
            stream.connection.close()
            events.connection.close()

    def next_event(self, stream):
        """The next event's type and data."""
        kind = None
        while True:
            line = stream.readline().decode()
            self.assertTrue(line, "the stream ended")
            if line.startswith("event: "):
                kind = line[7:].strip()
            elif line.startswith("data: "):
                return kind, json.loads(line[6:])

    def test_ports(self):
        name = f"{PREFIX}-ports"
        self.make(name)
        at = f"/api/spaces/{name}"
        serve = "import socket\ns = socket.create_server(('127.0.0.1', 8001))\nwhile True: s.accept()"
        self.ask("POST", at + "/exec", {"command": ["python3", "-c", serve], "detach": True}, expect=202)
        for _ in range(600):
            if self.ask("GET", at + "/ports", expect=200)["ports"]:
                break
            threading.Event().wait(0.05)
        self.ask("GET", at + "/tunnel/8001", **HANDSHAKE, expect=101)
        self.ask("GET", at + "/tunnel/8001", expect=426)
        self.ask("GET", at + "/tunnel/x", **HANDSHAKE, expect=400)
        self.ask("GET", at + "/tunnel/8001", **HANDSHAKE, Origin="https://elsewhere.example", expect=403)
        port = at + "/ports/8001"
        self.assertIs(self.ask("GET", port, expect=200)["public"], False)
        self.assertIs(self.ask("PUT", port, {"public": True}, expect=200)["public"], True)
        self.ask("PUT", port, {"public": "yes"}, expect=400, code="invalid_field")
        self.ask("PUT", port, "a", Content_Type="text/plain", expect=415)
        self.ask("GET", at + "/ports/x", expect=400, code="invalid_field")
        self.assertIn("//8001--" + name, self.ask("POST", port + "/links", {"ttlMs": 5000, "path": "/a"}, expect=201)["url"])
        self.ask("POST", port + "/links", {"ttlMs": 1}, expect=400, code="invalid_field")
        self.ask("POST", port + "/links", "a", Content_Type="text/plain", expect=415)
        self.ask("GET", at + "/ports/99/x", expect=502, code="nothing_listens")
        refused = self.ask("GET", at + "/tunnel/99", **HANDSHAKE, expect=502, code="nothing_listens")
        self.assertEqual([one["port"] for one in refused["listening"]], [8001])

    def test_events(self):
        stream = self.ask("GET", "/api/events", expect=200)
        try:
            name = f"{PREFIX}-events"
            self.make(name)
            self.ask("POST", f"/api/spaces/{name}/exec", {"command": "exit 2"}, expect=200)
            self.ask("DELETE", f"/api/spaces/{name}", expect=204)
            seen = []
            kind = None
            while "space.destroyed" not in seen:
                line = stream.readline().decode()
                self.assertTrue(line, "the stream ended")
                if line.startswith("event: "):
                    kind = line[7:].strip()
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                    validate({"$ref": f"#/components/schemas/{dict(exec='Exec', port='Port').get(kind.split('.')[0], 'Space')}Event"}, data)
                    if name in (data.get("name"), data.get("space")):
                        seen.append(kind)
            self.assertIn("space.created", seen)
            self.assertLess(seen.index("exec.started"), seen.index("exec.ended"))
        finally:
            stream.connection.close()


class Limits(Case):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("spaces.max=1", "server.body_limit=64k", "exec.records=1")
        cls.spaces = set()

    def test_too_much(self):
        name = f"{PREFIX}-only"
        self.make(name)
        self.ask("POST", "/api/spaces", {"name": f"{PREFIX}-second"}, expect=429, code="too_many_spaces")
        large = {"command": "x" * 70_000}
        for method, path in (
            ("POST", ""),
            ("PATCH", f"/{name}"),
            ("POST", f"/{name}/stop"),
            ("POST", f"/{name}/start"),
            ("POST", f"/{name}/exec"),
            ("POST", f"/{name}/files/tmp/x"),
        ):
            self.ask(method, "/api/spaces" + path, large, expect=413, code="body_too_large")
        at = f"/api/spaces/{name}"
        started = self.ask("POST", at + "/exec", {"command": "sleep 60", "detach": True}, expect=202)["id"]
        for path in ("/signal", "/resize"):
            self.ask("POST", f"{at}/execs/{started}{path}", large, expect=413, code="body_too_large")
        self.ask("DELETE", f"{at}/execs/{started}", expect=200)
        self.ask("POST", at + "/exec", {"command": "true"}, expect=200)
        for method, path in COMMAND_ROUTES:
            self.ask(method, at + path.replace("some", started), {} if method == "POST" else None, expect=410, code="exec_gone")


class Fallback(Case):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("exec.backend=engine")
        cls.spaces = set()

    def test_what_it_cannot_do(self):
        name = f"{PREFIX}-fallback"
        self.assertEqual(self.make(name)["backend"], "engine")
        at = f"/api/spaces/{name}"
        self.ask("POST", at + "/exec", {"command": "true", "detach": True}, expect=501, code="not_supported")
        self.ask("PUT", at + "/exec?command=true&openStdin=true&detach=true", b"", expect=501, code="not_supported")
        self.ask("GET", at + "/ports", expect=501, code="not_supported")
        self.ask("GET", at + "/tunnel/80", **HANDSHAKE, expect=501, code="not_supported")
        for method, path, body in (
            ("GET", "/files/etc", None),
            ("PUT", "/files/tmp/a/b?parents=true", b""),
            ("POST", "/files/tmp/x", {"op": "mkdir"}),
            ("DELETE", "/files/tmp/x", None),
            ("PUT", "/archive/tmp/a?parents=true", b""),
            ("GET", "/watch/tmp", None),
        ):
            self.ask(method, at + path, body, expect=501, code="not_supported")
        self.ask("PUT", at + "/files/tmp/x", b"by the Engine", expect=201)
        self.assertEqual(self.ask("GET", at + "/files/tmp/x", expect=200).payload, b"by the Engine")
        self.ask("PUT", at + "/files/tmp/x", b"x" * (17 << 20), expect=413, code="body_too_large")
        running = threading.Thread(target=self.daemon.ask, args=("POST", at + "/exec", {"command": "sleep 60"}))
        running.start()
        it = f"{at}/execs/{self.running(name)}"
        self.ask("POST", it + "/signal", {"signal": "SIGINT"}, expect=501, code="not_supported")
        self.ask("DELETE", it, expect=200)
        running.join(PATIENCE)


class WithoutEngine(Case):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(docker="unix:///nonexistent/docker.sock")
        cls.spaces = set()

    def test_away(self):
        self.assertEqual(self.ask("GET", "/api/health", expect=200)["status"], "degraded")
        self.ask("GET", "/api/system", expect=200)
        self.ask("GET", "/api/spaces", expect=503, code="engine_unavailable")
        self.ask("POST", "/api/spaces", {"name": "x"}, expect=503, code="engine_unavailable")
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/stats"), ("POST", "/stop"), ("POST", "/start"), ("POST", "/exec"), ("PUT", "/exec"), ("GET", "/terminal"), ("GET", "/execs"), ("GET", "/ports"), ("GET", "/tunnel/80"), *PORT_ROUTES, *FILE_ROUTES, *COMMAND_ROUTES):
            self.ask(method, "/api/spaces/x" + path, expect=503, code="engine_unavailable")


class ZCoverage(unittest.TestCase):
    """Comes last: nothing that is described and can be made to happen went without an answer."""

    UNREACHED = {"502", "504"}  # they take an Engine that misbehaves: tests/engine has one

    def test_coverage(self):
        described = {
            (method.upper(), pattern, status)
            for pattern, item in DOCUMENT["paths"].items()
            for method, operation in item.items()
            if method != "parameters"
            for status in operation["responses"]
            if status != "default" and status not in self.UNREACHED
        }
        # A conflict is a matter of two at the same moment.
        missing = {one for one in described - Case.answered if one[2] != "409"}
        self.assertEqual(missing, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
