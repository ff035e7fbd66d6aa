"""Names, reading, listing and conditions."""

import json
import os
import socket
import unittest
import urllib.parse

from support import Case, NOBODY, is_real_root

STRANGE = [b"a b", b"quote\"'\\", b"line\nend", b"tab\t\x01\x7f", b"\xff\xfe", b"half \xe2\x82", b"%2F%41", b"\xc3\xa9t\xc3\xa9",
           b"--", b"-rf", b"\xed\xa0\x80", b"~", b"..."]


class Reading(Case):
    def lines(self, answer):
        return [json.loads(line) for line in answer.out.split(b"\n") if line]

    def name_of(self, entry):
        return urllib.parse.unquote_to_bytes(entry["nameEncoded"]) if "nameEncoded" in entry else entry["name"].encode()

    def test_a_file_comes_whole_with_what_it_is(self):
        self.make("a.txt", b"hello\n")
        os.chmod(self.path("a.txt"), 0o640)
        os.utime(self.path("a.txt"), ns=(5, -1_500_000_001))
        answer = self.ok("read", "a.txt")
        self.assertEqual(answer.out, b"hello\n")
        self.assertEqual(answer.end, {"ok": True, "bytes": 6})
        head = answer.head
        self.assertEqual((head["name"], head["type"], head["size"], head["mode"], head["mtimeMs"]), ("a.txt", "file", 6, "0640", -1501))
        self.assertEqual((head["send"], head["status"], head["offset"], head["length"], head["sized"]), ("whole", 200, 0, 6, True))
        self.assertEqual(self.ok("read", "--head", "a.txt").lines, [head])

    def test_every_strange_name_survives_in_both_directions(self):
        for name in STRANGE:
            self.ok("write", name, body=name)
            self.assertEqual(self.ok("read", name).out, name)
        entries = self.lines(self.ok("list", b""))
        self.assertEqual([self.name_of(e) for e in entries], sorted(STRANGE))
        page, after = [], b""
        while True:
            answer = self.ok("list", "--limit=2", *(["--after=" + os.fsdecode(after)] if after else []), b"")
            page += [self.name_of(e) for e in self.lines(answer)]
            self.assertEqual(answer.head["total"], len(STRANGE))
            if not answer.head["more"]:
                break
            after = urllib.parse.unquote_to_bytes(answer.head["next"])
        self.assertEqual(page, sorted(STRANGE))
        for name in STRANGE:
            self.ok("rename", name, b"x" + name)
            self.ok("remove", b"x" + name)

    def test_ranges_are_parts(self):
        self.make("f", bytes(range(100)))
        for options, part in [(["--first=10"], (10, 90)), (["--first=0", "--last=0"], (0, 1)), (["--suffix=7"], (93, 7)),
                              (["--first=90", "--last=1000"], (90, 10)), (["--suffix=1000"], (0, 100))]:
            answer = self.ok("read", *options, "f")
            self.assertEqual((answer.head["offset"], answer.head["length"]), part)
            self.assertEqual(answer.out, bytes(range(100))[part[0]:part[0] + part[1]])
        self.assertEqual(self.refused("range", "read", "--first=100", "f").head["size"], 100)
        self.refused("range", "read", "--suffix=0", "f")
        self.make("empty")
        self.refused("range", "read", "--first=0", "empty")
        self.assertEqual(self.ok("read", "empty").head["length"], 0)

    def test_conditions_decide_before_a_byte_is_sent(self):
        self.make("f", b"x")
        tag = self.ok("stat", "f").head["etag"]
        for options in [["--if-none-match=" + tag], ["--if-none-match=*"], ["--if-none-match=\"other\", W/" + tag],
                        ["--if-modified-since=99999999999"]]:
            answer = self.ok("read", *options, "f")
            self.assertEqual((answer.head["send"], answer.head["status"], answer.out, len(answer.lines)), ("none", 304, b"", 1))
        for options in [["--if-match=\"other\""], ["--if-match=W/" + tag], ["--if-unmodified-since=5"]]:
            self.assertEqual(self.refused("precondition", "read", *options, "f").head["etag"], tag)
        self.assertEqual(self.ok("read", "--first=0", "--if-range=" + tag, "f").head["status"], 206)
        self.assertEqual(self.ok("read", "--first=0", "--if-range=\"old\"", "f").head["status"], 200)

    def test_proc_files_come_until_their_end(self):
        answer = self.ok("read", "--first=5", b"/proc/self/status")
        self.assertIs(answer.head["sized"], False)
        self.assertNotIn("length", answer.head)
        self.assertIn(b"VmSize", answer.out)
        self.assertEqual(answer.end["bytes"], len(answer.out))

    def test_what_is_no_file_is_refused_and_nothing_waits(self):
        os.mkfifo(self.path("fifo"))
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(os.fsdecode(self.path("sock")))
            for name in ["fifo", "sock", b"/dev/null"]:
                for op in ["read", "pack"]:
                    self.refused("not_a_file", op, name)
        self.refused("not_a_file", "write", "fifo", body=b"x")
        os.symlink("b", self.path("a"))
        os.symlink("a", self.path("b"))
        for op in ["read", "list", "write", "chmod", "pack", "unpack"]:
            self.refused("too_many_links", op, *(["--mode=600"] if op == "chmod" else []), "a")
        self.assertEqual(self.ok("stat", "a").head["target"], "b")
        self.refused("not_found", "read", "missing")
        self.refused("not_a_folder", "list", b"/etc/passwd")
        self.refused("not_a_folder", "read", b"/etc/passwd/x")
        self.refused("name_too_long", "read", b"n" * 256)
        self.refused("name_too_long", "write", b"n" * 256, body=b"")
        for path in [b"relative", b"", b"~other/x"]:
            with self.popen("stat", paths=[path], stderr=-1) as process:
                self.assertIn(b'"code":"invalid"', process.communicate()[1])
        self.assertEqual(self.ok("read", b"").lines[0]["kind"], "folder")
        self.assertEqual(self.ok("stat", b"/").head["name"], "/")

    def test_a_folder_that_was_deleted_under_its_reader_is_not_found(self):
        self.make("d/f")
        folder = os.open(self.path("d"), os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, folder)
        os.set_inheritable(folder, True)
        os.unlink(self.path("d/f"))
        os.rmdir(self.path("d"))
        with self.popen("list", paths=[b"/proc/self/fd/%d" % folder], stderr=-1, stdout=-1, close_fds=False) as process:
            self.assertIn(b'"code":"not_found"', process.communicate()[1])

    def test_wrong_calls_are_told_in_words(self):
        for arguments in [["nonsense"], ["read"], ["read", "--mode=600"], ["chmod"], ["list", "--limit=0"], ["read", "--first=x"],
                          ["write", "--mode=999"], ["read", "--last=3"]]:
            answer = self.call(*arguments, "x") if len(arguments) > 1 else self.call(*arguments)
            self.assertEqual(answer.status, 2, arguments)
            self.assertTrue(answer.words.startswith(b"clawdspace-files: "))


@unittest.skipUnless(is_real_root(), "only the host's root can become another user")
class ReadingAsNobody(Reading):
    user = NOBODY

    def test_the_users_rights_are_what_counts(self):
        self.make("secret", b"x")
        os.chown(self.path("secret"), 0, 0)
        os.chmod(self.path("secret"), 0o600)
        self.refused("not_allowed", "read", "secret")
        self.refused("not_allowed", "write", "secret", body=b"y")
        self.refused("not_allowed", "write", b"/etc/new-file", body=b"y")
        self.refused("not_allowed", "chmod", "--mode=777", "secret")
        self.refused("not_allowed", "list", b"/proc/1/fd")
        os.symlink(self.path("secret"), self.path("link"))
        self.refused("not_allowed", "read", "link")
