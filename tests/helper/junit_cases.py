"""The cases of a JUnit report, `suite class case outcome message` a line: by an XML parser that is not ours.

    junit_cases.py FILE
"""
import sys
import xml.etree.ElementTree as tree

for suite in tree.parse(sys.argv[1]).getroot():
    outcomes = []
    for case in suite:
        child = next(iter(case), None)
        outcomes.append("good" if child is None else child.tag)
        print(suite.get("name"), case.get("classname"), case.get("name"), outcomes[-1], "" if child is None else child.get("message"))
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(counted)) == outcomes.count(tag), suite.attrib
    assert int(suite.get("tests")) == len(outcomes), suite.attrib
