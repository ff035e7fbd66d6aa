"""Archives in both directions, and those that mean harm."""

import gzip
import io
import os
import subprocess
import tarfile
import unittest

from support import Case, NOBODY, is_real_root


def archive(*entries, mode="w", form=tarfile.PAX_FORMAT):
    """Of (name, type, content or target)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for name, kind, value in entries:
            entry = tarfile.TarInfo(os.fsdecode(name))
            entry.type = kind
            entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
            body = value if kind == tarfile.REGTYPE else b""
            entry.size = len(body)
            entry.devmajor, entry.devminor = (1, 3) if kind == tarfile.CHRTYPE else (0, 0)
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                entry.linkname = os.fsdecode(value)
            tar.addfile(entry, io.BytesIO(body))
    return out.getvalue()


FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


class Archives(Case):
    def tree(self, name):
        """What a tree is, to the last bit that an archive keeps."""
        found = {}
        for folder, folders, names in os.walk(self.path(name)):
            for entry in folders + names:
                path = os.path.join(folder, entry)
                about = os.lstat(path)
                content = os.readlink(path) if os.path.islink(path) else b""
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        content = file.read(8 << 20)
                found[os.path.relpath(path, self.path(name))] = (
                    about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns, about.st_nlink if names else 0,
                    about.st_size if not os.path.isdir(path) else 0, content)
        return found

    def assert_same(self, name, wanted, part=lambda about: about):
        found = self.tree(name)
        self.assertEqual(sorted(found), sorted(wanted))
        for path, about in wanted.items():
            self.assertTrue(part(found[path]) == part(about), (path, found[path][:6], about[:6]))

    def make_tree(self):
        self.make("s/f", b"data")
        self.make(b"s/\xff\xfe name", b"bytes")
        self.make("s/é", b"utf-8")
        self.make("s/new\nline", b"x")
        self.make(b"s/" + b"long" * 60, b"long")
        self.make("s/big", os.urandom(3 << 20))
        self.make("s/deep/er/f", b"")
        os.link(self.path("s/f"), self.path("s/same"))
        os.symlink(b"\xff/../anywhere", self.path("s/link"))
        os.mkfifo(self.path("s/fifo"))
        with open(self.path("s/holes"), "wb") as file:
            file.write(os.urandom(2 << 20))
            file.seek(5 << 30)
            file.write(b"end")
            file.truncate((5 << 30) + 12345)
        if self.user is not None:
            subprocess.run(["chown", "-hR", f"{self.user}:{self.user}", self.path("s")], check=True)
        os.chmod(self.path("s/f"), 0o4711)
        os.chmod(self.path("s/deep/er"), 0o555)
        os.chmod(self.path("s/deep"), 0o2755)

    def test_a_tree_goes_out_and_in_as_it_was(self):
        self.make_tree()
        packed = self.ok("pack", "s")
        self.assertLess(len(packed.out), 8 << 20)  # holes are not sent
        self.assertNotIn("warnings", packed.end)
        for name, body in [("plain", packed.out), ("zipped", gzip.compress(packed.out, 1))]:
            answer = self.ok("unpack", "--parents", "--length=%d" % len(body), name, body=body)
            self.assertEqual(answer.end["entries"], packed.end["entries"])
            self.assert_same(name, self.tree("s"))
            self.assertLess(os.stat(self.path(name + "/holes")).st_blocks * 512, 4 << 20)
            with open(self.path(name + "/holes"), "rb") as file:
                file.seek(5 << 30)
                self.assertEqual(file.read(3), b"end")
        self.ok("unpack", "plain", body=packed.out)  # over what is there
        self.assert_same("plain", self.tree("s"))
        self.assert_no_remains()

    def test_gnu_tar_reads_ours_and_we_read_every_kind_of_its(self):
        self.make_tree()
        os.mkdir(self.path("theirs"))
        packed = self.ok("pack", "s").out
        subprocess.run(["tar", "-xpf", "-", "-C", self.path("theirs")], input=packed, check=True, stderr=subprocess.DEVNULL,
                       **({"user": 0} if self.user is None else {}))
        def coarse(about):
            return about[:1] + about[5:]

        self.assert_same("theirs", self.tree("s"), coarse)
        for form in ["gnu", "pax"]:
            made = subprocess.run(["tar", "--sparse", "--format=" + form, "-C", self.path("s"), "-czf", "-", "."],
                                  check=True, stdout=subprocess.PIPE).stdout
            self.ok("unpack", "--parents", form, body=made)
            self.assert_same(form, self.tree("s"), coarse)

    def test_one_file_is_an_archive_too(self):
        self.make("d/f", b"x" * 100_000)
        with tarfile.open(fileobj=io.BytesIO(self.ok("pack", "d/f").out)) as tar:
            self.assertEqual([(e.name, e.size) for e in tar], [("f", 100_000)])

    def test_nothing_gets_out_of_the_folder(self):
        os.mkdir(self.path("out"))
        self.make("out/precious", b"old")
        out = self.path("out")
        for entries in [
            [(b"/" + out.lstrip(b"/") + b"/new", FILE, b"x")],
            [("../out/new", FILE, b"x")],
            [("a/../../out/new", FILE, b"x")],
            [("..", FOLDER, b"")],
            [("l", LINK, out), ("l/new", FILE, b"x")],
            [("l", LINK, out), ("l/d", FOLDER, b"")],
            [("l", LINK, b".."), ("l/out/new", FILE, b"x")],
            [("l", LINK, b"."), ("l/new", FILE, b"x")],
            [("l", LINK, out), ("l/new", LINK, b"x")],
            [("h", HARD, out + b"/precious")],
            [("h", HARD, b"../out/precious"), ("h", FILE, b"x")],
            [("l", LINK, out), ("h", HARD, b"l/precious")],
            [("f", FILE, b"x"), (".", FILE, b"x")],
        ]:
            for form in [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]:
                self.refused("outside", "unpack", "--parents", "in", body=archive(*entries, form=form))
                self.assertEqual((os.listdir(out), self.content("out/precious")), ([b"precious"], b"old"))
                subprocess.run(["rm", "-rf", self.path("in")], check=True)

    def test_a_link_is_replaced_not_written_through(self):
        self.make("out", b"old")
        self.ok("unpack", "--parents", "in", body=archive(("f", LINK, self.path("out")), ("f", FILE, b"new")))
        self.assertEqual((self.content("out"), self.content("in/f")), (b"old", b"new"))
        self.ok("unpack", "in", body=archive(("f", LINK, b"gone"), ("g", FILE, b"1"), ("h", HARD, b"g"), ("h", HARD, b"g")))
        self.assertEqual(os.stat(self.path("in/h")).st_nlink, 2)
        self.refused("not_a_folder", "unpack", "in", body=archive(("f", FOLDER, b"")))
        self.refused("is_a_folder", "unpack", "--parents", "in", body=archive(("d", FOLDER, b""), ("d", FILE, b"")))
        self.assert_no_remains()

    def test_what_is_no_whole_archive_is_refused(self):
        body = archive(("a", FILE, b"a" * 1000), ("b", FILE, os.urandom(1 << 20)), ("c", FILE, os.urandom(3 << 20)))
        for broken in [b"", b"nonsense" * 1000, body[:700], body[:5000], body[:1 << 20], body[:2 << 20], gzip.compress(body)[:50_000],
                       gzip.compress(b"nonsense" * 1000), body[:512 + 148] + b"777777" + body[512 + 154:]]:
            if broken.startswith(body[:660]) and len(broken) == len(body):
                continue
            self.refused("bad_archive", "unpack", "--parents", "in", body=broken)
        self.refused("incomplete", "unpack", "--parents", "--length=%d" % len(body), "in", body=body[:-3000])
        self.assert_no_remains()
        names = os.listdir(self.path("in"))
        self.assertLessEqual(set(names), {b"a", b"b", b"c"})
        self.assertEqual(os.path.getsize(self.path("in/a")), 1000)

    def test_special_files_are_made_where_that_is_allowed(self):
        self.ok("unpack", "--parents", "in", body=archive(("p", tarfile.FIFOTYPE, b"")))
        self.refused("not_a_file", "read", "in/p")
        device = self.call("unpack", "in", body=archive(("dev", tarfile.CHRTYPE, b"")))
        allowed = self.user is None and is_real_root()
        self.assertEqual(device.end["ok"], allowed, device.words)
        if not allowed:
            self.assertEqual(device.code, "not_allowed")

    def test_the_folders_own_mode_stays_when_it_was_there(self):
        os.mkdir(self.path("in"))
        os.chmod(self.path("in"), 0o777)
        self.ok("unpack", "in", body=archive((".", FOLDER, b""), ("f", FILE, b"")))
        self.assertEqual(os.stat(self.path("in")).st_mode & 0o7777, 0o777)


@unittest.skipUnless(is_real_root(), "only the host's root can become another user")
class ArchivesAsNobody(Archives):
    user = NOBODY

    def test_what_may_not_be_read_is_left_out_and_told(self):
        self.make("s/secret")
        os.chown(self.path("s/secret"), 0, 0)
        os.chmod(self.path("s/secret"), 0)
        self.make("s/f", b"x")
        answer = self.ok("pack", "s")
        self.assertEqual((answer.end["warningCount"], answer.end["entries"]), (1, 2))
        self.assertIn("secret", answer.end["warnings"][0])
