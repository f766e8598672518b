"""Each template of a pack by itself: it renders for the least and for the most that there is, and misses no name."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable
from dataclasses import replace

import jinja2
import pytest
import yaml

from greenlang.factory.generate import COMMON, FLAT, PART, PINNED, TOOLBOX, generate, templates
from greenlang.factory.views import LICENCES, View, view
from greenlang.resolution.plan import Resolution

OF_EVERY_PACK = sorted({*COMMON.values(), *PINNED.values(), *FLAT.values(), *TOOLBOX.values(), *PART.values()})
RENDERED = [
    *((which, name) for which in ("smallest", "combustion") for name in sorted({*COMMON.values(), *FLAT.values()})),
    ("combustion", *PINNED.values()),
    *(("toolbox", name) for name in sorted({*COMMON.values(), *TOOLBOX.values(), *PART.values()})),
]
ALONE = {"export/handler.py.jinja", *(f"licences/{name}.jinja" for name in LICENCES)}


@pytest.fixture(scope="module")
def views(builders: dict[str, Callable[[], Resolution]]) -> dict[str, View]:
    """The smallest agent, one with everything, and one of several tools."""
    return {name: view(builders[name]()) for name in ("smallest", "combustion", "toolbox")}


def test_every_template_makes_a_file_or_is_a_part_of_one() -> None:
    found = set(templates().list_templates(extensions=["jinja"]))
    shared = {name for name in found if name.rpartition("/")[2].startswith("_")}
    assert found - shared == set(OF_EVERY_PACK) | ALONE


@pytest.mark.parametrize(("which", "name"), RENDERED)
def test_a_template_renders_and_its_file_is_well_formed(views: dict[str, View], which: str, name: str) -> None:
    given = views[which]
    made = templates().get_template(name).render(v=given, p=given.part)
    kind = name.removesuffix(".jinja").rpartition(".")[2]
    match kind:
        case "py":
            ast.parse(made)
        case "toml":
            tomllib.loads(made)
        case "yaml":
            assert yaml.safe_load(made)["metadata"]["name"] == given.service
        case "md":
            assert made.startswith("# ")
            assert "\n\n\n" not in made
    assert "{{" not in made
    assert "{%" not in made
    assert made.endswith("\n")


@pytest.mark.parametrize("name", ["README.md.jinja", "agent.py.jinja", "k8s/service.yaml.jinja"])
def test_a_name_that_a_template_lacks_is_no_empty_text(name: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        templates().get_template(name).render(v=object(), p=object())


def test_no_file_depends_on_another_agent_made_before(builders: dict[str, Callable[[], Resolution]]) -> None:
    first = generate(builders["toolbox"]())
    for make in builders.values():
        generate(make())
    assert generate(builders["toolbox"]()) == first


def test_the_order_in_which_a_spec_lists_its_look_ups_does_not_matter(combustion: Resolution) -> None:
    turned = replace(combustion, lookups=dict(reversed(list(combustion.lookups.items()))))
    assert generate(turned) == generate(combustion)


@pytest.mark.parametrize("several", [False, True])
def test_the_serverless_handler_renders_for_both_kinds_of_agent(several: bool) -> None:
    made = templates().get_template("export/handler.py.jinja").render(v={"package": "gl_x", "toolbox": several})
    assert ("arguments" in ast.get_docstring(ast.parse(made), clean=True)) == several  # type: ignore[operator]
    assert "from gl_x import AGENT\n" in made
