"""The agent from a shell, with the wheels of `wheels/` installed:

    python demos/command_line.py fuel_type=natural_gas consumption=1000 country=US

Without words it runs the example.
"""

import sys

import gl_emissions_carbon_calculator_v1 as pack

EXAMPLE: dict[str, object] = {
    "fuel_type": "natural_gas",
    "consumption": 1000,
    "country": "US",
}
TRUTHS = {"true": True, "false": False}


def read(words: list[str]) -> dict[str, object]:
    """Inputs out of words such as `name=value`; the agent itself reads numbers from text."""
    pairs = [word.partition("=") for word in words]
    return {name: TRUTHS.get(value, value) for name, _, value in pairs}


def show(given: dict[str, object]) -> bool:
    """Run the agent and print every output, its unit and its sources; or why it was refused."""
    result = pack.AGENT.run(given)
    if result.data is None:
        for error in result.errors:
            print(f"refused: {error.field}: {error.message}")
        return False
    units = {tool.output: tool.unit for tool in pack.TOOLS.values() if tool.decimals is not None}
    for name, value in result.data.as_dict().items():
        print(f"{name} = {value} {units.get(name, '')}".rstrip())
    for citation in result.citations:
        print(f"source: {citation.ref} ({citation.text})")
    return True


def main(words: list[str]) -> int:
    """Exit code 0 for an answer, 1 for a refusal."""
    return 0 if show(read(words) if words else EXAMPLE) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
