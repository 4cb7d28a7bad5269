"""Reads the exports of report/tests/it/consumers.rs as others do: JUnit by Jenkins' schema and by junitparser, CSV by Python.

Usage: consumers.py FOLDER SCHEMA.xsd
"""

import csv
import sys
from pathlib import Path

import junitparser
from lxml import etree

folder, schema = Path(sys.argv[1]), etree.XMLSchema(etree.parse(sys.argv[2]))
files = sorted(folder.glob("*.junit"))
assert len(files) == 2, files
for file in files:
    schema.assertValid(etree.parse(str(file)))
    suites = list(junitparser.JUnitXml.fromfile(str(file)))
    cases = [case for suite in suites for case in suite]
    assert sum(suite.tests for suite in suites) == len(cases) > 10, file
    failed = [case for case in cases if any(isinstance(r, junitparser.Failure) for r in case.result)]
    assert sum(suite.failures for suite in suites) == len(failed) > 0, file
    assert all(result.text for case in failed for result in case.result), file
    print(f"{file.name}: valid by the schema, {len(cases)} tests, {len(failed)} failed")
for file in sorted(folder.glob("*.csv")):
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, strict=True))
    assert rows and all(None not in row and None not in row.values() for row in rows), file
    assert all(float(row["value"]) == float(row["value"]) for row in rows), file
    print(f"{file.name}: {len(rows)} rows")
