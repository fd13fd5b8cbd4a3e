"""Runs the programs of examples/, by the steps of its README, and the code of docs/PRODUCING.md, docs/RECEIVING.md and the
portal's page on signatures as it is shown there, against a real stack.

    .venv/emulators/bin/python -W ignore tests/docs/examples.py

It needs the binary `posthorn`, and for Rust the crates that it was built of (of POSTHORN_PROFILE; by default debug). What
this machine has no tools for is skipped, and listed at the end.
"""

import signal
import sys
import unittest

from producing import Producing
from receiving import Receiving
from sources import Sources
from verifying import Verifying
from walkthrough import Walkthrough

__all__ = ["Producing", "Receiving", "Sources", "Verifying", "Walkthrough"]

if __name__ == "__main__":
    # An end that is asked for ends stacks and receivers, too: they are in sessions of their own.
    for asked in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, lambda number, _: sys.exit(128 + number))
    program = unittest.main(verbosity=2, exit=False)
    result = program.result
    for test, reason in result.skipped:
        print(f"{reason} ({test.id().split('.')[-1]})")
    # Of a test with several parts each may fail, or be skipped.
    def whole(tests):
        return {getattr(test, "test_case", test).id() for test, _ in tests}

    failed = whole(result.failures + result.errors)
    skipped = whole(result.skipped) - failed
    print(f"{result.testsRun - len(failed | skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(not result.wasSuccessful())
