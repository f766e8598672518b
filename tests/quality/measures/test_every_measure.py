"""Every measure can fail: a closing look over the tables of broken packs, and broken packs that fit no table."""

from __future__ import annotations

import json
from pathlib import Path

from greenlang.quality import DIMENSIONS, judge
from greenlang.quality.advisories import load
from tests.quality.good import (
    case,
    evaluations,
    measures,
    output,
    trial,
    unmet,
)
from tests.quality.measures import (
    test_broken_code,
    test_broken_pack,
    test_broken_use,
    test_wrong_documents,
    test_wrong_doors,
    test_wrong_figures,
    test_wrong_rows,
    test_wrong_words,
)


def test_a_known_vulnerability_fails_the_audit(untouched: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps(
            {
                "id": "GHSA-0000",
                "summary": "Bad.",
                "affected": [
                    {
                        "package": {"ecosystem": "PyPI", "name": "Annotated_Types"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
                    }
                ],
            }
        )
    )
    judgement = judge(case(untouched, advisories=load(tmp_path)))
    assert unmet(judgement) == {"compliance_security.dependency audit"}
    (detail,) = measures(judgement)["compliance_security.dependency audit"].details
    assert (detail.rule, detail.mend) == ("GHSA-0000", "take annotated-types 99 or later")


def test_one_input_in_two_spellings_has_one_digest_and_that_is_no_fault(untouched: Path) -> None:
    """`5`, `5.0` and a default that is given are the same input: their answers share digest and data."""
    answered = next(line for line in output().splitlines() if b'"ok":true' in line)
    twice = output() + answered + b"\n"
    more = [*case(untouched).inputs, {"consumption": "1000.0"}]
    judgement = judge(case(untouched, inputs=more, trial=trial(evaluations=evaluations(twice, twice))))
    assert "determinism.provenance" not in unmet(judgement)


def test_every_measure_has_a_pack_that_fails_it() -> None:
    """Kept true by the tables: a measure that nothing here fails is one that cannot fail."""
    tables = (test_broken_code, test_broken_pack, test_broken_use)
    failed = {wanted for table in tables for _, wanted, _ in table.FILES.values()}
    failed |= {w for table in tables for _, wanted in table.SEVERAL.values() for w in wanted}
    failed |= {w for table in tables for _, wanted, _ in table.RUNS.values() for w in wanted}
    wrong = (
        test_wrong_words.SAID,
        test_wrong_rows.PINNED,
        test_wrong_doors.DOORS,
        test_wrong_documents.PROSE,
        test_wrong_figures.FIGURES,
    )
    failed |= {measure for table in wrong for _, _, wanted, _ in table.values() for measure in wanted}
    elsewhere = {
        "compliance_security.dependency audit",
        "specification.factors cited",
        "specification.standards",
        "specification.one GWP set",
        "business_impact.inputs that matter",
        "continuous_improvement.history",
    }
    assert failed | elsewhere == {f"{d.name}.{m.name}" for d in DIMENSIONS for m in d.measures}
