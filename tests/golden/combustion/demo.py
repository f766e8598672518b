"""A worked example: `python demo.py` in this folder, with the wheels of `wheels/` installed."""

import gl_emissions_carbon_calculator_v1 as pack

EXAMPLE: dict[str, object] = {
    "fuel_type": "natural_gas",
    "consumption": 1000,
    "country": "US",
}


def main() -> None:
    """Run the agent on the example and print every output, its unit and its sources."""
    result = pack.AGENT.run(EXAMPLE)
    if result.data is None:
        for error in result.errors:
            print(f"refused: {error.field}: {error.message}")
        return
    units = {tool.output: tool.unit for tool in pack.TOOLS.values() if tool.decimals is not None}
    for name, value in result.data.as_dict().items():
        print(f"{name} = {value} {units.get(name, '')}".rstrip())
    for citation in result.citations:
        print(f"source: {citation.ref} ({citation.text})")


if __name__ == "__main__":
    main()
