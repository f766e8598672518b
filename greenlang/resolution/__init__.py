"""Resolution: from a spec and the factor and formula tables to a calculation plan per output, with its evidence.

Belongs here: finding, proving and refusing plans. Does not belong here: reading YAML, rendering code.

    resolve                        asks the means in their order; ``plan`` is what it gives
    given, named, stated           means: formulas and ids in the spec or an overlay; equalities, the runtime's values
    authored, prose, prose_*       means: the author's texts (``prose`` says what each of its rooms does)
    choose, match, held            means: a formula of the library that nobody names
    work                           what the means share: plans so far, entering, trying and taking back
    pin, order, run, samples       factor rows, the order of outputs, running plans, inputs to try them on
    prove, properties, telling     golden cases and properties against the plans
    consistency, told, drafts      what an author is told besides
    vectors, explain, carry        made of the plans: test vectors, the working on paper, formulas of converted specs
"""
