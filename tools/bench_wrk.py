"""Load by `wrk` for `tools.bench_api`: in Python a client would use more of the cores than the server.

Two kinds, and a figure is always of one of them:

- closed: each connection asks again as soon as it is answered. It finds how many answers there are at most; then the
  latency is connections / throughput and says nothing else.
- paced: so many requests a second, whatever the server does. A request whose turn comes while every connection waits
  for an answer goes out late; how many did is said. Where none did, the latency is what a caller meets at that rate.

Belongs here: load of GET requests. Does not belong here: servers, what is asked.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.bench_server import Server

_LUA = """
local ffi = require("ffi")
ffi.cdef[[ typedef struct { long seconds; long nanoseconds; } bench_time; int clock_gettime(int, bench_time *); ]]
local moment = ffi.new("bench_time")
local function now()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.seconds) * 1000 + tonumber(moment.nanoseconds) / 1e6
end
local rate, once = %(rate)d, %(once)s
local lines, threads, at, turn = {}, {}, 0, nil
late, began, ended = 0, 0, 0
for line in io.lines("%(lines)s") do lines[#lines + 1] = line end
setup = function(thread) threads[#threads + 1] = thread end
request = function()
  if at == 0 and began == 0 then began = now() end
  if once and at == #lines and ended == 0 then ended = now(); wrk.thread:stop() end
  at = at %% #lines + 1
  local path, etag = string.match(lines[at], "^(%%S+)%%s*(.*)$")
  wrk.headers["If-None-Match"] = etag ~= "" and etag or nil
  return wrk.format("GET", path)
end
if rate > 0 then
  delay = function()
    local time = now()
    turn = (turn or time) + 1000 / rate
    if turn < time - 1 then late = late + 1 end
    return math.max(0, math.floor(turn - time))
  end
end
done = function(summary, latency)
  local e = summary.errors
  local thread, micros = threads[1], summary.duration
  if thread:get("ended") > 0 then micros = (thread:get("ended") - thread:get("began")) * 1000 end
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d %%d\\n", summary.requests, micros,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout, thread:get("late")))
end
"""


@dataclass(frozen=True)
class Result:
    """What a load met. Milliseconds; ``cpu`` are those of the server for each request; ``rate`` 0 is a closed load."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    errors: int
    late: int
    cpu: float
    rate: int

    def __str__(self) -> str:
        shown = f"p50 {self.p50:.1f} ms  p95 {self.p95:.1f} ms  p99 {self.p99:.1f} ms  errors {self.errors}"
        said = f"{self.requests / self.seconds:8.0f}/s  {shown}  server CPU {self.cpu:.2f} ms each"
        late = f"  of {self.rate}/s asked for, late {100 * self.late / max(1, self.requests):.2f} %"
        return said + late if self.rate else said


def wrk(
    server: Server,
    lines: Iterable[str],
    folder: Path,
    seconds: int,
    clients: int,
    key: str = "",
    *,
    rate: int = 0,
    once: bool = False,
) -> Result:
    """Load on a server: each line is a path, and an ETag that the client has; all in turn, in a random order.

    ``rate`` is that of a paced load; with ``once`` it ends when every line was asked.
    """
    mixed = list(lines)
    random.Random(1).shuffle(mixed)
    (folder / "lines.txt").write_text("\n".join(mixed))
    told = {"lines": folder / "lines.txt", "rate": rate, "once": str(once).lower()}
    (folder / "load.lua").write_text(_LUA % told)
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(folder / "load.lua")]
    command += ["-H", f"Authorization: Bearer {key}"] if key else []
    used = server.seconds()
    printed = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", printed)
    assert found is not None, printed
    number, micros, p50, p95, p99, errors, late = map(int, found.groups())
    cost = (server.seconds() - used) / max(1, number) * 1000
    return Result(number, micros / 1e6, p50 / 1000, p95 / 1000, p99 / 1000, errors, late, cost, rate)
