"""Watching: what happens in a folder is told, and what was missed, too."""

import json
import os
import selectors
import subprocess
import unittest

from support import Case, DEADLINE, NOBODY, is_real_root


class Watching(Case):
    def setUp(self):
        super().setUp()
        self.process = self.popen("watch", stdin=-1, stdout=-1, stderr=-1)
        self.assertEqual(json.loads(self.process.stderr.readline()), {"ok": True})
        self.rest = b""

    def clean(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        super().clean()

    def line(self):
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.rest:
                self.assertTrue(ready.select(DEADLINE), "no event came")
                got = os.read(self.process.stdout.fileno(), 65536)
                self.assertTrue(got, "it ended")
                self.rest += got
        first, self.rest = self.rest.split(b"\n", 1)
        return json.loads(first)

    def say(self, *words):
        self.process.stdin.write(b"".join(os.fsencode(w) + b"\0" for w in words))
        self.process.stdin.flush()

    def add(self, ident, depth, name=b""):
        self.say("add", ident, depth, self.path(name))
        answer = self.line()
        self.assertTrue(answer["ok"], answer)

    def until(self, kind, path):
        """The events up to this one, as (type, path)."""
        seen = []
        while not seen or seen[-1] != (kind, path):
            e = self.line()
            seen.append((e["type"], e.get("path")))
        return seen

    def test_what_happens_is_told(self):
        os.mkdir(self.path("sub"))
        self.add("w1", "plain")
        self.make("f", b"x")
        self.assertEqual(self.until("modified", "f")[0], ("created", "f"))
        os.rename(self.path("f"), self.path("g"))
        moved = [self.line()]
        while moved[-1]["type"] == "modified":
            moved.append(self.line())
        self.assertEqual(moved[-1], {"id": "w1", "type": "moved", "path": "g", "from": "f"})
        os.unlink(self.path("g"))
        self.until("deleted", "g")
        self.make("sub/unseen")
        os.rename(self.make(b"\xff"), self.path("sub/away"))
        seen = [self.line()]
        while seen[-1]["type"] != "deleted":
            seen.append(self.line())
        self.assertEqual(seen[-1]["pathEncoded"], "%FF")
        self.say("remove", "w1")
        self.assertEqual(self.line()["code"], "removed")

    def test_a_tree_is_watched_while_it_grows_and_moves(self):
        os.makedirs(self.path("a/b"))
        os.makedirs(self.path("out"))
        self.add("r", "recursive", "a")
        self.add("p", "plain", "a")
        os.makedirs(self.path("a/b/c/d/e"))
        self.make("a/b/c/d/e/f")
        paths = [(e, p) for e, p in self.until("created", "b/c/d/e/f") if e == "created"]
        self.assertEqual(len(paths), len(set(paths)))  # each once
        os.rename(self.path("a/b/c"), self.path("a/x"))
        seen = []
        while len([s for s in seen if s["type"] in ("moved", "created")]) < 2:
            seen.append(self.line())
        told = {(s["id"], s["type"], s["path"], s.get("from")) for s in seen if s["type"] != "modified"}
        self.assertEqual(told, {("r", "moved", "x", "b/c"), ("p", "created", "x", None)})
        self.make("a/x/d/e/g")
        self.until("created", "x/d/e/g")
        os.rename(self.path("a/x"), self.path("out/x"))
        self.until("deleted", "x")
        self.make("out/x/d/unseen")
        os.rename(self.path("out/x"), self.path("a/back"))
        self.until("created", "back/d/unseen")
        self.make("a/back/d/h")
        self.until("created", "back/d/h")

    def test_the_end_of_the_folder_is_told(self):
        for how in ["remove", "move"]:
            os.mkdir(self.path("d"))
            self.add(how, "plain", "d")
            if how == "remove":
                os.rmdir(self.path("d"))
            else:
                os.rename(self.path("d"), self.path("e"))
            answer = self.line()
            self.assertEqual((answer["type"], answer["code"]), ("ended", "not_found"))

    def test_what_cannot_be_watched_is_refused_and_the_others_go_on(self):
        self.add("1", "plain")
        for path, code in [("missing", "not_found"), (self.make("f"), "not_a_folder"), (b"relative", None)]:
            self.say("add", "2", "plain", self.path(path) if code else path)
            seen = self.line()
            while seen.get("ok") is not False:
                seen = self.line()
            self.assertEqual(seen["code"], code or "invalid")
        self.make("g")
        self.until("created", "g")

    def test_an_overflow_is_told_and_new_folders_are_found_after_it(self):
        self.add("o", "recursive")
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            room = int(file.read())
        self.process.send_signal(19)  # it stops, as with a reader who does not read
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        for i in range(room // 2 + 100):
            path = self.path("f%d" % (i % 2))
            os.close(os.open(path, os.O_CREAT))
            os.unlink(path)
        os.mkdir(self.path("late"))
        self.process.send_signal(18)
        while self.line()["type"] != "overflow":
            pass
        self.make("late/f")
        self.until("created", "late/f")

    def test_it_ends_with_either_of_its_pipes(self):
        self.process.stdin.close()
        self.assertEqual(self.process.wait(DEADLINE), 0)
        other = self.popen("watch", stdin=-1, stdout=-1, stderr=-1)
        other.stderr.readline()
        other.stdout.close()
        self.assertEqual(other.wait(DEADLINE), 0)
        other.stdin.close()
        other.stderr.close()
        self.process.stdin = open(os.devnull, "wb")

    def test_no_inotify_instance_left_is_the_watch_limit(self):
        # A user namespace has a limit of its own.
        done = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c",
                               "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$0\" watch --", os.environ["CLAWDSPACE_FILES"]],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=DEADLINE)
        self.assertEqual((done.returncode, json.loads(done.stderr)["code"]), (1, "watch_limit"))


@unittest.skipUnless(is_real_root(), "only the host's root can become another user")
class WatchingAsNobody(Watching):
    user = NOBODY
