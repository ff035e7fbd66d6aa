"""Drives a program in a pseudo-terminal of its own, as its controlling terminal.

    in_terminal.py STEPS-FILE PROGRAM [ARGUMENT…]

STEPS-FILE holds a Python list of steps, done in order:

    ("type", text)        write it to the terminal, as typed
    ("expect", text)      read until the output since the last expect contains it
    ("size", rows, cols)  change the window's size
    ("signal", name)      to the program alone
    ("close",)            close the terminal, as closing its window does
    ("run", text)         run a shell text beside it; it must succeed within the deadline, and is tried until it does
    ("end", code)         wait for its end; the code is its exit code, or minus the signal

Every step has a deadline of 20 s. Before and after, the terminal's settings are compared: at an "end" they must be those of
the start.
"""

import ast
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

DEADLINE = 20


class Terminal:
    def __init__(self, argv):
        self.output = b""
        self.all = b""
        # The program's side stays open here, so that its settings can be read when the program has gone.
        self.fd, self.side = pty.openpty()
        self.size(24, 80)
        self.before = termios.tcgetattr(self.side)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.side, termios.TIOCSCTTY, 0)
            for fd in 0, 1, 2:
                os.dup2(self.side, fd)
            os.closerange(3, 64)
            # As a login has them, whatever whoever runs the tests ignores: a shell cannot trap what it found ignored.
            for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP:
                signal.signal(number, signal.SIG_DFL)
            os.environ["TERM"] = "xterm"
            os.execvp(argv[0], argv)

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read(self, seconds):
        if self.fd < 0 or not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.output += data
        self.all += data

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text):
        wanted = text.encode()
        limit = time.monotonic() + DEADLINE
        while wanted not in self.output:
            if time.monotonic() > limit:
                raise TimeoutError(f"no {text!r} in {self.output!r}")
            self.read(0.1)
        self.output = self.output.split(wanted, 1)[1]

    def signal(self, name):
        os.kill(self.pid, getattr(signal, name))

    def close(self):
        os.close(self.side)
        os.close(self.fd)
        self.fd = self.side = -1

    def run(self, text):
        limit = time.monotonic() + DEADLINE
        while subprocess.run(["bash", "-c", text], stdin=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > limit:
                raise TimeoutError(f"never true: {text}")
            self.read(0.05)

    def end(self, code):
        limit = time.monotonic() + DEADLINE
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > limit:
                raise TimeoutError(f"it does not end: {self.output!r}")
            self.read(0.05)
        self.read(0)
        got = os.waitstatus_to_exitcode(status)
        if got != code:
            raise AssertionError(f"it ended with {got} instead of {code}")
        if self.side < 0:
            return
        # Whoever restores it may do so a moment after a program that was killed.
        while termios.tcgetattr(self.side) != self.before:
            if time.monotonic() > limit:
                raise AssertionError("the terminal is not as it was")
            self.read(0.05)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        steps = ast.literal_eval(file.read())
    terminal = Terminal(sys.argv[2:])
    try:
        for name, *arguments in steps:
            getattr(terminal, name)(*arguments)
    except BaseException:
        sys.stderr.write(f"the terminal showed: {terminal.all!r}\n")
        try:
            os.kill(terminal.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        raise
    sys.stdout.buffer.write(terminal.all)


main()
