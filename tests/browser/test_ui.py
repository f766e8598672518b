"""What a person does and sees: a spec dropped in the inbox stands in the registry, and in the Dagster UI."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.telemetry.receiver import Collector, collector
from tools import screenshot

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "templates" / "specs" / "examples" / "stationary_combustion.pack.yaml"
SECONDS = 60
pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

ASSETS = (
    "raw_embedded",
    "factors",
    "formulas",
    "factor_release",
    "spec_inbox",
    "agent_spec",
    "agent_code",
    "agent_tests",
    "agent_docs",
    "qa_report",
    "agent_pack",
    "registry_entry",
    "factory_metrics",
)


@dataclass(frozen=True)
class House:
    """Where the started factory is."""

    base: str
    settings: Settings
    collected: Collector

    def drop(self, spec: Path) -> None:
        """Copy a spec into the inbox, as a person would."""
        shutil.copy(spec, self.settings.var / "bucket" / "inbox" / spec.name)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    var = tmp_path_factory.mktemp("up") / "var"
    var.mkdir()
    environment = {**os.environ, "GREENLANG_VAR": str(var)}
    environment.pop("GREENLANG_BUCKET", None)
    with collector() as collected:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collected.address
        yield from started(var, environment, collected)


def started(var: Path, environment: dict[str, str], collected: Collector) -> Iterator[House]:
    """The factory, up until whoever asked has done with it."""
    command = [sys.executable, "-m", "tools.up"]
    with (var / "out").open("w") as out:
        process = subprocess.Popen(
            [*command, "--port", "0"], cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        end = time.monotonic() + 120
        while "GreenLang is up" not in (var / "out").read_text():
            assert process.poll() is None, (var / "out").read_text()
            assert time.monotonic() < end, (var / "out").read_text()
            time.sleep(0.2)
        port = json.loads((var / "dagster" / "up.json").read_text())["port"]
        yield House(f"http://127.0.0.1:{port}", Settings(var=var, bucket=None), collected)
    finally:
        subprocess.run([*command, "--stop"], cwd=ROOT, env=environment, check=False, timeout=60)
        process.wait(30)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; a machine without one skips, CI fails."""
    program = screenshot.chromium()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium: apt-get install chromium")
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    return program


@pytest.fixture(scope="module")
def key(house: House) -> str:
    """The partition key of the example, once it stands in the registry with no click."""
    house.drop(EXAMPLE)
    start = time.monotonic()
    while time.monotonic() - start < SECONDS:
        registry = Registry(house.settings.registry)
        entries = registry.all()
        registry.close()
        if entries:
            print(f"registered after {time.monotonic() - start:.1f} s")
            (entry,) = entries
            return f"{entry.agent_id}@{entry.version}-{entry.spec_digest[:8]}"
        time.sleep(0.5)
    inbox = [p.name for p in (house.settings.var / "bucket").rglob("*") if p.is_file()]
    pytest.fail(f"nothing in the registry after {SECONDS} s; the bucket holds {inbox}")


def test_a_spec_dropped_in_the_inbox_is_registered_within_a_minute(house: House, key: str) -> None:
    assert key.startswith(re.search(r'^id: "?([^"\n]+)', EXAMPLE.read_text(), re.M)[1] + "@")  # type: ignore[index]
    assert (house.settings.packs).is_dir()
    assert not any((house.settings.var / "bucket" / "inbox").iterdir())


def test_the_tick_of_the_daemon_and_the_stages_of_the_run_that_it_started_are_one_trace(house: House, key: str) -> None:
    end = time.monotonic() + 60
    while (line := ancestry(house.collected, "registration")) != ["registration", "agent", "run", "inbox_sensor"]:
        assert time.monotonic() < end, f"{line} of {sorted({one.name for one in house.collected.spans})}"
        time.sleep(0.2)


def ancestry(collected: Collector, name: str) -> list[str]:
    """A span of that name and what it is a part of, as far as that has come."""
    spans = {one.span_id: one for one in collected.spans}
    one = next((one for one in spans.values() if one.name == name), None)
    line = []
    while one is not None:
        line.append(one.name)
        one = spans.get(one.parent_span_id)
    return line


def test_the_lineage_shows_three_groups_and_every_asset(house: House, key: str, chromium: str) -> None:
    with screenshot.page() as view:
        screenshot.open_lineage(view, house.base)
        text = view.inner_text("body")
        for group in screenshot.GROUPS:
            assert group in text
        nodes = " ".join(view.locator("foreignObject").all_text_contents())
        for asset in ASSETS:
            assert asset in nodes


def test_a_partition_shows_its_plan_tests_quality_and_pack_as_rendered_text(
    house: House, key: str, chromium: str
) -> None:
    with screenshot.page() as view:
        view.goto(screenshot.partition_address(house.base, "registry_entry", key))
        view.get_by_text("Latest materialization").wait_for(timeout=60_000)
        view.get_by_text("certificate digest").first.wait_for(timeout=30_000)
        text = view.inner_text("body")
        assert key in text
        for name in ("plan", "tests", "quality", "pack", "score", "state"):
            assert re.search(rf"^{name}\s*$", text, re.M), name
        assert str(house.settings.packs) in text
        # Short Markdown stands in the page, longer one in a dialog behind a link; both are rendered, no | bars |
        links = view.get_by_text("[Show Markdown]")
        shown = [text]
        for i in range(links.count()):
            links.nth(i).click()
            dialog = view.get_by_role("dialog")
            dialog.locator("table, li").first.wait_for(timeout=30_000)
            shown.append(dialog.inner_text())
            dialog.get_by_role("button", name="Close").click()
            dialog.wait_for(state="detached", timeout=30_000)
        whole = "\n".join(shown)
        assert "|---" not in whole
        for seen in ("energy × epa_co2[fuel]", "boundary", "Implementation", "Business impact", "sbom.cdx.json"):
            if seen not in whole:  # short Markdown in the page is rendered after the rest
                view.get_by_text(seen).first.wait_for(timeout=30_000)


def test_the_picture_of_the_lineage_can_be_taken(house: House, chromium: str, tmp_path: Path) -> None:
    target = tmp_path / "img" / "lineage.png"
    screenshot.screenshot(house.base, target)
    data = target.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 20_000


def lock_holder(var: Path) -> int | None:
    """The pid of the batch's process: the one that holds the lock over ``var``."""
    lock = str(var / "batch.lock")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) == lock for fd in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:
            continue
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="finds the batch's process in /proc")
def test_a_batch_that_is_killed_is_finished_without_a_click(house: House, key: str) -> None:
    """SIGKILL after the specs have left the inbox and before they are built."""
    inbox = house.settings.var / "bucket" / "inbox"
    others = ("freight.pack.yaml", "heat_pump.pack.yaml", "waste.pack.yaml")
    for name in others:
        house.drop(EXAMPLE.with_name(name))
    end = time.monotonic() + 180
    while any(inbox.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.05)
    pid = lock_holder(house.settings.var)
    assert pid is not None, "the batch was over before it could be killed"
    os.kill(pid, signal.SIGKILL)
    registry = Registry(house.settings.registry)
    while len(registry.all()) < 1 + len(others):
        assert time.monotonic() < end, "the killed batch was not finished"
        time.sleep(0.5)
    registry.close()
