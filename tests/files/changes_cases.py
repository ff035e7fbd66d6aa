"""What changes files: whole or not at all."""

import os
import signal
import subprocess
import unittest

from support import Case, NOBODY, is_real_root


class Changing(Case):
    def start_write(self, *options, name="f"):
        """A write that has said its head and waits for its content."""
        process = self.popen("write", *options, paths=[self.path(name)], stdin=-1, stdout=-1, stderr=-1)
        self.assertIn(b'"ok":true', process.stderr.readline())
        return process

    def test_a_file_is_made_and_replaced(self):
        answer = self.ok("write", "--mode=4751", "f", body=b"one")
        self.assertEqual([line["created"] for line in answer.lines], [True, True])
        self.assertEqual(os.stat(self.path("f")).st_mode & 0o7777, 0o4751)
        answer = self.ok("write", "f", body=b"two")
        self.assertEqual((answer.end["created"], answer.end["mode"]), (False, "4751"))
        self.assertEqual(self.content("f"), b"two")
        self.ok("write", "--parents", "x/y/z", body=b"")
        self.assertEqual(os.stat(self.path("x/y/z")).st_mode & 0o7777, 0o644)
        self.refused("not_found", "write", "p/q", body=b"")
        self.refused("is_a_folder", "write", "x", body=b"")
        self.assert_no_remains()

    def test_a_large_file_arrives_as_it_was(self):
        body = os.urandom(3 << 20) + bytes(1 << 20)
        for options in [[], ["--length=%d" % len(body)]]:
            self.ok("write", *options, "f", body=body)
            self.assertEqual(self.content("f"), body)
        self.assertEqual(self.ok("read", "f").out, body)
        self.ok("write", "--length=2", "f", body=b"1234")
        self.assertEqual(self.content("f"), b"12")

    def test_links_are_written_through(self):
        self.make("d/real", b"old")
        os.symlink("d/real", self.path("link"))
        os.symlink("d/new", self.path("dangling"))
        self.ok("write", "link", body=b"new")
        self.ok("write", "dangling", body=b"made")
        self.assertEqual((self.content("d/real"), self.content("d/new")), (b"new", b"made"))
        self.assertTrue(os.path.islink(self.path("link")))

    def test_conditions_refuse_what_would_overwrite(self):
        self.ok("write", "--if-none-match=*", "f", body=b"one")
        self.assertEqual(self.refused("precondition", "write", "--if-none-match=*", "f", body=b"two").head["status"], 412)
        tag = self.ok("stat", "f").head["etag"]
        tag = self.ok("write", "--if-match=" + tag, "f", body=b"three").end["etag"]
        self.refused("precondition", "write", "--if-match=\"x\"", "f", body=b"")
        self.refused("precondition", "write", "--if-match=*", "g", body=b"")
        self.refused("precondition", "remove", "--if-match=\"x\"", "f")
        process = self.start_write("--if-match=" + tag)
        self.ok("write", "f", body=b"another was faster")
        out = process.communicate(b"late")[1]
        self.assertIn(b'"code":"precondition"', out)
        process = self.start_write("--if-none-match=*", name="new")
        self.make("new", b"first")
        self.assertIn(b'"ok":false', process.communicate(b"second")[1])
        self.assertEqual((self.content("f"), self.content("new")), (b"another was faster", b"first"))
        self.assert_no_remains()

    def test_nobody_sees_half_a_file_however_a_write_ends(self):
        self.make("f", b"old")
        self.refused("incomplete", "write", "--length=5", "f", body=b"123")
        for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL]:
            process = self.start_write()
            process.stdin.write(b"x" * 100_000)
            process.stdin.flush()
            self.assertEqual(os.listdir(self.root), [b"f"])
            process.send_signal(number)
            words = process.communicate()[1]
            self.assertEqual(b"canceled" in words, number != signal.SIGKILL)
            self.assertEqual((os.listdir(self.root), self.content("f")), ([b"f"], b"old"))

    def test_a_file_that_one_may_not_write_is_not_replaced_unless_one_is_root(self):
        self.make("f", b"old")
        os.chmod(self.path("f"), 0o444)
        if self.user is None:
            self.ok("write", "f", body=b"new")
        else:
            self.refused("not_allowed", "write", "f", body=b"new")

    def test_folders_are_made_and_removed(self):
        self.assertEqual(self.ok("mkdir", "--mode=1777", "d").head["mode"], "1777")
        self.refused("exists", "mkdir", "d")
        self.assertIs(self.ok("mkdir", "--parents", "d").head["created"], False)
        self.ok("mkdir", "--parents", "d/e/f/")
        self.refused("not_empty", "remove", "d")
        os.symlink("/etc", self.path("d/etc"))
        self.assertEqual(self.ok("remove", "--recursive", "d").head["removed"], 4)
        self.assertTrue(os.path.exists("/etc/passwd"))
        for path in [b"/", b"d/.", b"d/.."]:
            self.refused("invalid", "remove", "--recursive", path)
        self.refused("not_found", "remove", "d")

    def test_a_tree_deeper_than_any_path_is_copied_and_removed(self):
        start = os.getcwd()
        self.addCleanup(os.chdir, start)
        os.chdir(self.root)
        for _ in range(1500):
            os.mkdir("folder")
            os.chdir("folder")
        os.chdir(start)
        subprocess.run(["chown", "-R", str(self.user or 0), self.path("folder")], check=True)
        self.assertEqual(self.ok("remove", "--recursive", "folder").head["removed"], 1500)

    def test_a_name_moves_and_takes_no_other_ones_place_unasked(self):
        self.make("a", b"a")
        self.make("b", b"b")
        self.refused("exists", "rename", "a", "b")
        self.assertEqual(self.ok("rename", "--replace", "a", "b").head["name"], "b")
        self.assertEqual(self.content("b"), b"a")
        self.refused("not_found", "rename", "a", "c")
        self.refused("not_found", "rename", "b", "x/c")
        self.ok("rename", "--parents", "b", "x/c")
        self.refused("invalid", "rename", "x", "x/y")
        self.refused("invalid", "copy", "x", "x/y")

    def test_a_copy_keeps_modes_times_links_and_holes(self):
        self.make("s/f", b"data")
        os.link(self.path("s/f"), self.path("s/same"))
        os.symlink("../out", self.path("s/link"))
        with open(self.path("s/sparse"), "wb") as file:
            file.truncate(5 << 30)
            file.seek(1 << 30)
            file.write(b"x")
        os.chmod(self.path("s/f"), 0o600)
        os.utime(self.path("s/f"), ns=(1, 1_000_000_007))
        if self.user is not None:
            subprocess.run(["chown", "-hR", str(self.user), self.path("s")], check=True)
        self.ok("copy", "s", "t")
        self.refused("exists", "copy", "s", "t")
        about = os.stat(self.path("t/f"))
        self.assertEqual((about.st_mode & 0o7777, about.st_mtime_ns, about.st_nlink), (0o600, 1_000_000_007, 2))
        self.assertEqual(os.readlink(self.path("t/link")), b"../out")
        sparse = os.stat(self.path("t/sparse"))
        self.assertEqual(sparse.st_size, 5 << 30)
        self.assertLess(sparse.st_blocks, 100)
        self.ok("copy", "s/f", "t/g")
        self.refused("is_a_folder", "copy", "--replace", "s/f", "t")
        self.ok("copy", "--replace", "s/sparse", "t/f")
        self.assert_no_remains()

    def test_links_and_modes(self):
        self.assertEqual(self.ok("symlink", "l", b"/nowhere/at all").head["target"], os.fsdecode(self.path(b"/nowhere/at all")))
        self.refused("exists", "symlink", "l", "x")
        self.ok("symlink", "--replace", "l", self.make("f"))
        self.assertEqual(self.ok("chmod", "--mode=0123", "l").head["mode"], "0123")
        self.assert_no_remains()


@unittest.skipUnless(is_real_root(), "only the host's root can become another user")
class ChangingAsNobody(Changing):
    user = NOBODY


class FullDisk(Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("disk"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", self.path("disk")], check=True)

    def clean(self):
        subprocess.run(["umount", self.path("disk")], check=True)
        super().clean()

    def test_a_full_disk_refuses_and_keeps_what_was_there(self):
        self.make("disk/f", b"old")
        body = b"x" * (3 << 20)
        answer = self.refused("no_space", "write", "--length=%d" % len(body), "disk/f", body=body)
        self.assertEqual(len(answer.lines), 1)  # said before a byte was read
        self.refused("no_space", "write", "disk/f", body=body)
        self.make("big", body)
        self.refused("no_space", "copy", "big", "disk/big")
        self.refused("no_space", "rename", "big", "disk/big")
        os.mkdir(self.path("tree"))
        os.rename(self.path("big"), self.path("tree/big"))
        self.refused("no_space", "rename", "tree", "disk/tree")
        archive = self.ok("pack", "tree").out
        self.refused("no_space", "unpack", "disk", body=archive)
        self.assertEqual((os.listdir(self.path("disk")), self.content("disk/f")), ([b"f"], b"old"))
        self.assertTrue(os.path.exists(self.path("tree/big")))

    def test_a_move_to_another_disk_is_a_copy_and_a_removal(self):
        self.make("d/f", b"x")
        self.ok("rename", "d", "disk/d")
        self.assertEqual(self.content("disk/d/f"), b"x")
        self.assertFalse(os.path.exists(self.path("d")))

    def test_a_mount_point_is_busy_and_a_read_only_disk_says_so(self):
        self.refused("busy", "remove", "disk")
        self.make("disk/f", b"x")
        subprocess.run(["mount", "-o", "remount,ro", self.path("disk")], check=True)
        self.refused("read_only", "write", "disk/f", body=b"y")
        self.refused("read_only", "mkdir", "disk/d")
        self.refused("read_only", "remove", "disk/f")
