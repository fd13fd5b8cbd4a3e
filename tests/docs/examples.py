"""Runs the code of docs/PRODUCING.md, docs/RECEIVING.md and the portal's page on signatures, as it is shown there, against
a real stack.

    .venv/emulators/bin/python -W ignore tests/docs/examples.py

It wants the binary `posthorn` (of POSTHORN_PROFILE, release where nothing is said). What this machine has no tools for is
skipped, and said at the end.
"""

import sys
import unittest

from producing import Producing
from receiving import Receiving
from verifying import Verifying

__all__ = ["Producing", "Receiving", "Verifying"]

if __name__ == "__main__":
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
