"""The codes of findings about a template; findings about its spec keep their own codes (``greenlang.specs.codes``)."""

from __future__ import annotations

from greenlang.specs.codes import Code

CODES: dict[str, Code] = {
    "GLT001": Code("a key is missing, unknown, or its value is of the wrong kind", "no `for_whom`"),
    "GLT002": Code("name or folder", "`name: Boiler 1`, or a name that is not the file's"),
    "GLT003": Code("a word that the catalogue does not have", "`subdomains: [Boilers]`"),
    "GLT004": Code("not one sentence", "`for_whom: engineers`"),
    "GLT005": Code("two templates of one name", "the same `name` in two folders"),
    "GLT006": Code("a change that does not fit the spec", "`factors: {gird: ...}`, or a default without its `source`"),
    "GLT007": Code("an expected value that cannot be worked out", '`co2e: "= 1000 * {gird}"`'),
    "GLT008": Code("an output that two golden vectors do not prove", "an output that stands in one `expect` only"),
    "GLT009": Code("an output without a plan", "an output that no formula gives"),
    "GLT010": Code("a golden vector that leaves an input open", "it leaves out an input that has a default"),
    "GLT011": Code("nothing is served", "every region is refused"),
    "GLT012": Code("an expected value that is not right to the output's last digit, and has no `tol`", "`x: 0.3333`"),
}
