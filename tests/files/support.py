"""Runs the program, and says what it said."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["CLAWDSPACE_FILES"]
DEADLINE = 30  # of any one call, in seconds
NOBODY = 65534


def is_real_root():
    """Whether uid 0 here is the host's: only then are there other users to become."""
    with open("/proc/self/uid_map", encoding="ascii") as ids:
        return os.geteuid() == 0 and int(ids.read().split()[2]) > NOBODY


class Answer:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.words = done.stderr
        self.lines = [json.loads(line) for line in done.stderr.split(b"\n") if line.startswith(b"{")]

    @property
    def head(self):
        return self.lines[0]

    @property
    def end(self):
        return self.lines[-1]

    @property
    def code(self):
        return self.end.get("code")


class Case(unittest.TestCase):
    """A folder of its own; `self.user` is who runs the program."""

    user = None

    def setUp(self):
        self.root = os.fsencode(tempfile.mkdtemp(prefix="files-test-"))
        os.chmod(self.root, 0o777)
        self.addCleanup(self.clean)

    def clean(self):
        subprocess.run(["chmod", "-R", "u+rwX", self.root], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.root)

    def path(self, name=b""):
        return os.path.join(self.root, os.fsencode(name))

    def make(self, name, content=b""):
        folder = os.path.dirname(os.fsencode(name))
        if folder and not os.path.isdir(self.path(folder)):
            os.makedirs(self.path(folder))
            if self.user is not None:
                os.chown(self.path(folder), self.user, self.user)
        with open(self.path(name), "wb") as file:
            file.write(content)
        if self.user is not None:
            os.chown(self.path(name), self.user, self.user)
        return self.path(name)

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def command(self, op, *options, paths=()):
        return [PROGRAM, op, *options, "--", *paths]

    def popen(self, op, *options, paths=(), **how):
        who = {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}
        return subprocess.Popen(self.command(op, *options, paths=paths), **who, **how)

    def call(self, op, *args, body=b""):
        """Options are str that begin with --, all else is a path below the folder, or absolute."""
        options = [a for a in args if isinstance(a, str) and a.startswith("--")]
        paths = [self.path(a) for a in args if not (isinstance(a, str) and a.startswith("--"))]
        how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self.popen(op, *options, paths=paths, **how) as process:
            try:
                out, err = process.communicate(body, timeout=DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Answer(subprocess.CompletedProcess(process.args, process.returncode, out, err))

    def ok(self, op, *args, body=b""):
        answer = self.call(op, *args, body=body)
        self.assertTrue(answer.end["ok"], answer.words)
        self.assertEqual(answer.status, 0)
        return answer

    def refused(self, code, op, *args, body=b""):
        answer = self.call(op, *args, body=body)
        self.assertEqual((answer.status, answer.code), (1, code), answer.words)
        self.assertTrue(answer.end["error"])
        return answer

    def assert_no_remains(self):
        for folder, folders, names in os.walk(self.root):
            for name in folders + names:
                self.assertFalse(name.startswith(b".clawdspace-"), os.path.join(folder, name))
