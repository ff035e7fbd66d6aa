#!/usr/bin/env python3
"""clawdspace-files itself, in a temporary folder: as whoever runs this, and where that is root, as nobody as well.

    program_test.py PROGRAM [unittest's arguments]
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534

if __name__ == "__main__":
    os.environ["CLAWDSPACE_FILES"] = sys.argv.pop(1)
    # A disk that can be filled takes a mount namespace of our own; who is not root needs a user namespace for it, too.
    if "CLAWDSPACE_FILES_APART" not in os.environ:
        os.environ["CLAWDSPACE_FILES_APART"] = "1"
        flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
        os.execvp("unshare", ["unshare", *flags, sys.executable, os.path.abspath(__file__),
                              os.environ["CLAWDSPACE_FILES"], *sys.argv[1:]])
    suite = unittest.defaultTestLoader.discover(HERE, pattern="*_cases.py")
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
