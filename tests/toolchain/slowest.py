#!/usr/bin/env python3
"""Prints the slowest tests of the last run of cargo-nextest: slowest.py PROFILE [COUNT]."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main():
    profile, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    # nextest keeps its reports here, whatever CARGO_TARGET_DIR says.
    report = ROOT / "target" / "nextest" / profile / "junit.xml"
    if not report.exists():
        sys.exit(f"slowest.py: there is no {report}: no test has run")
    cases = list(ElementTree.parse(report).iter("testcase"))
    cases.sort(key=lambda case: -float(case.get("time")))
    total = sum(float(case.get("time")) for case in cases)
    print(f"the slowest {min(count, len(cases))} of {len(cases)} tests, which took {total:.0f} s one by one:")
    for case in cases[:count]:
        print(f"{float(case.get('time')):8.1f} s  {case.get('classname')} {case.get('name')}")


if __name__ == "__main__":
    main()
