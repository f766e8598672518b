"""The agent from a shell, with the wheels of `wheels/` installed:

    python demos/command_line.py burn_fuel fuel_type=natural_gas consumption=1000 country=US

Without words it runs every tool on its example.
"""

import sys

import gl_plant_toolbox as pack

EXAMPLES: dict[str, dict[str, object]] = {
    "burn_fuel": {
        "fuel_type": "natural_gas",
        "consumption": 1000,
        "country": "US",
    },
    "burn_fuel_ar5": {
        "fuel_type": "diesel",
        "consumption": 0,
        "country": "US",
    },
    "heat_pump": {
        "lambda": 7,
        "sink": 35,
        "units": 3,
        "cap": 5,
    },
    "Double": {
        "a": 1,
    },
}
TRUTHS = {"true": True, "false": False}


def read(words: list[str]) -> dict[str, object]:
    """Inputs out of words such as `name=value`; the agent itself reads numbers from text."""
    pairs = [word.partition("=") for word in words]
    return {name: TRUTHS.get(value, value) for name, _, value in pairs}


def show(tool: str, given: dict[str, object]) -> bool:
    """Run one tool and print every output, its unit and its sources; or why it was refused."""
    result = pack.AGENT.call(tool, given)
    print(f"{tool}:")
    if result.data is None:
        for error in result.errors:
            print(f"refused: {error.field}: {error.message}")
        return False
    calculations = pack.AGENT.agents[tool].tools.values()
    units = {found.output: found.unit for found in calculations if found.decimals is not None}
    for name, value in result.data.as_dict().items():
        print(f"{name} = {value} {units.get(name, '')}".rstrip())
    for citation in result.citations:
        print(f"source: {citation.ref} ({citation.text})")
    return True


def main(words: list[str]) -> int:
    """Exit code 0 for an answer, 1 for a refusal."""
    if words:
        return 0 if show(words[0], read(words[1:])) else 1
    answered = [show(tool, given) for tool, given in EXAMPLES.items()]
    return 0 if all(answered) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
