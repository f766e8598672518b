"""Types of a Terraform provider, out of a prebuilt binding of it, for the tests of `deploy/terraform`.

    pip download --no-deps -d FOLDER cdktn-provider-aws && cd FOLDER && unzip *.whl && tar -xzf */_jsii/*.tgz
    python -m tools.terraform_schema FOLDER/package deploy/terraform tests/deploy/provider_types

A provider is a program that no package registry holds. Its bindings are there, made from the very schema that the
program answers with; each attribute stands in them with its name, its type, and whether it is a block, computed,
optional or required. What is written are the types that the given folder of `.tf` files uses.

Belongs here: reading a binding. Does not belong here: asking Terraform (`tests/deploy/providers.py`).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = {"resource": "TerraformResource", "data": "TerraformDataSource", "ephemeral": "TerraformEphemeralResource"}
_USED = re.compile(r'^(resource|data|ephemeral)\s+"(\w+)"', re.MULTILINE)
_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(.*?)(?=^    // \w+ - |\Z)",
    re.MULTILINE | re.DOTALL,
)
_NESTED = re.compile(r'= new (\w+?)(List|OutputReference|Map)\(this, "\w+"(?:, (true|false))?\)')
_GETTER = re.compile(r"(get\w+Attribute)\('")
_SET = re.compile(r"Fn\.tolist\(this\.get")
_HCL = re.compile(
    r"^ {8,12}(\w+): \{\n +value: .*\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
_FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_GETTERS: dict[str, Any] = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getBooleanMapAttribute": ["map", "bool"],
    "getNumberMapAttribute": ["map", "number"],
}


@dataclass
class Binding:
    """One module of a binding: its classes, and how the attributes of each structure are written."""

    classes: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> (what it extends, body)
    written: dict[str, dict[str, tuple[bool, str]]] = field(default_factory=dict)  # structure -> name -> (block, type)

    @classmethod
    def read(cls, text: str) -> Binding:
        found = cls({name: (base, body) for name, base, body in _CLASS.findall(text)})
        for name, body in _FUNCTION.findall(text):
            found.written[name.lower()] = {n: (block == "true", kind) for n, block, kind, _ in _HCL.findall(body)}
        for name, (base, body) in found.classes.items():
            if base in KINDS.values() or base == "TerraformProvider":
                found.written[name.lower()] = {n: (b == "true", kind) for n, b, kind, _ in _HCL.findall(body)}
        return found

    def block(self, name: str, body: str) -> dict[str, Any]:
        """Attributes and blocks of a class, as `terraform providers schema -json` tells them."""
        made: dict[str, Any] = {"attributes": {}, "block_types": {}}
        written = self.written.get(name.removesuffix("OutputReference").lower(), {})
        for attribute, computed, optional, required, rest in _ATTRIBUTE.findall(body):
            block, kind = written.get(attribute, (False, "simple"))
            nested = _NESTED.search(rest)
            if block and nested:
                structure = f"{nested[1]}OutputReference"
                limits = {"min_items": int(required == "true"), "max_items": int(nested[2] == "OutputReference")}
                nesting = {"struct": "single"}.get(kind, kind)
                inner = self.block(structure, self.classes[structure][1])
                made["block_types"][attribute] = {
                    "nesting_mode": nesting,
                    "block": inner,
                    **(limits if nesting != "single" else {}),
                }
                continue
            flags = {"computed": computed, "optional": optional, "required": required}
            made["attributes"][attribute] = {"type": self._type(rest, nested, kind)} | {
                flag: True for flag, value in flags.items() if value == "true"
            }
            if attribute.endswith("_wo"):
                made["attributes"][attribute]["write_only"] = True
        return made

    def _type(self, rest: str, nested: re.Match[str] | None, kind: str) -> Any:
        if nested is None:
            getter = _GETTER.search(rest)
            if getter is None or getter[1] not in _GETTERS:
                return "dynamic"
            plain = _GETTERS[getter[1]]
            return ["set", plain[1]] if _SET.search(rest) or kind == "set" else plain
        structure = f"{nested[1]}OutputReference"
        inner = self.block(structure, self.classes[structure][1])["attributes"]
        told = ["object", {name: attribute["type"] for name, attribute in inner.items()}]
        return told if nested[2] == "OutputReference" else ["set" if nested[3] == "true" else "list", told]


def used(folder: Path) -> set[tuple[str, str]]:
    """What the `.tf` files of a folder use: (resource, data or ephemeral; type)."""
    return {found for file in folder.glob("*.tf") for found in _USED.findall(file.read_text())}


def schema(package: Path, wanted: set[tuple[str, str]]) -> dict[str, Any]:
    """The types of a binding that are wanted, and its provider's own configuration."""
    modules = {file.parent.name: file for file in package.glob("lib/*/index.js")}
    origin = re.search(r"hashicorp/(\w+) provider version ([\d.]+)", (package / "README.md").read_text())
    assert origin is not None, f"{package} is no binding of a provider"
    made: dict[str, Any] = {
        "source": f"hashicorp/{origin[1]}",
        "version": origin[2],
        "from": "bindings of CDK Terrain (MPL-2.0), by tools/terraform_schema.py",
    }
    bases = {base: kind for kind, base in KINDS.items()}
    for module in sorted(modules):
        text = modules[module].read_text().partition("//# sourceMappingURL")[0]
        types = set(re.findall(r'tfResourceType = "(\w+)"', text))
        if module != "provider" and not any(name in types for _, name in wanted):
            continue
        binding = Binding.read(text)
        for name, (base, body) in binding.classes.items():
            if base == "TerraformProvider":
                made["provider"] = _provider(binding, name, body)
            elif base in bases:
                kind, told = bases[base], re.search(r'tfResourceType = "(\w+)"', body)
                if told is not None and (kind, told[1]) in wanted:
                    made.setdefault(kind, {})[told[1]] = binding.block(name, body)
    return made


def _provider(binding: Binding, name: str, body: str) -> dict[str, Any]:
    """The configuration of a provider is written, never read: its values come from the functions that write it."""
    made: dict[str, Any] = {"attributes": {}, "block_types": {}}
    for attribute, (block, kind) in binding.written[name.lower()].items():
        if not block:
            made["attributes"][attribute] = {"type": "dynamic", "optional": True}
            continue
        function = re.search(
            rf"^            {attribute}: \{{\n +value: cdktn\.listMapperHcl\((\w+)ToHcl", body, re.MULTILINE
        )
        inner = binding.written[function[1].lower()] if function else {}
        made["block_types"][attribute] = {
            "nesting_mode": kind,
            "block": {"attributes": {n: {"type": "dynamic", "optional": True} for n in inner}, "block_types": {}},
        }
    return made


def main(package: Path, terraform: Path, out: Path) -> int:
    """Write the types that the folder uses; the exit code."""
    made = schema(package, used(terraform))
    path = out / f"{made['source'].rpartition('/')[2]}.json"
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    print(f"{path}: {sum(len(made.get(kind, {})) for kind in KINDS)} types of {made['source']} {made['version']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:4])))
