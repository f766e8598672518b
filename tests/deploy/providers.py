"""Providers for `terraform validate`: they answer with the types in `provider_types/*.json`, and with nothing else.

Terraform takes a provider that runs already by TF_REATTACH_PROVIDERS and speaks version 6 of its protocol with it. To
validate, it asks for the schemas and whether a provider has something of its own against a configuration; the latter
is answered with no. Messages are put together here by hand (protocol buffers' wire format), of the few fields needed:
https://github.com/hashicorp/terraform/blob/v1.15.5/docs/plugin-protocol/tfplugin6.proto

Belongs here: the servers. Does not belong here: where the types come from (`tools/terraform_schema.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: bytes | str | int | bool) -> bytes:
    """One field of a message; a default value is left out."""
    if not value:
        return b""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(int(value))
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _present(number: int, data: bytes) -> bytes:
    """A message as a field, also an empty one."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _block(told: dict[str, Any]) -> bytes:
    attributes = b"".join(
        _field(
            2,
            _field(1, name)
            + _field(2, json.dumps(attribute["type"]))
            + b"".join(
                _field(number, attribute.get(flag, False))
                for number, flag in ((4, "required"), (5, "optional"), (6, "computed"), (11, "write_only"))
            ),
        )
        for name, attribute in told["attributes"].items()
    )
    blocks = b"".join(
        _field(
            3,
            _field(1, name)
            + _present(2, _block(nested["block"]))
            + _field(3, _NESTING[nested["nesting_mode"]])
            + _field(4, nested.get("min_items", 0))
            + _field(5, nested.get("max_items", 0)),
        )
        for name, nested in told["block_types"].items()
    )
    return attributes + blocks


def _schema(told: dict[str, Any]) -> bytes:
    return _present(2, _block(told))


def schemas(told: dict[str, Any]) -> bytes:
    """The answer of GetProviderSchema."""
    message = _present(1, _schema(told["provider"]))
    for number, kind in ((2, "resource"), (3, "data"), (8, "ephemeral")):
        for name, block in told.get(kind, {}).items():
            message += _present(number, _field(1, name) + _present(2, _schema(block)))
    return message


class _Provider(grpc.GenericRpcHandler):
    """Every method of the service: the schemas, or an empty message, which is no objection."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.answers = {"GetProviderSchema": schemas(told)}
        self.asked: list[str] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        service, _, method = handler_call_details.method.lstrip("/").partition("/")
        if service != "tfplugin6.Provider":
            return None
        self.asked.append(method)
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: self.answers.get(method, b""))


@contextlib.contextmanager
def serving(files: Sequence[Path], sockets: Path) -> Iterator[str]:
    """Serve the types in these files; the value of TF_REATTACH_PROVIDERS."""
    reattach: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for number, file in enumerate(files):
            told = json.loads(file.read_text(encoding="utf-8"))
            server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
            server.add_generic_rpc_handlers((_Provider(told),))
            address = sockets / str(number)
            assert server.add_insecure_port(f"unix://{address}")
            server.start()
            stack.callback(lambda server=server: server.stop(grace=None).wait())
            reattach[f"registry.terraform.io/{told['source']}"] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": str(address)},
            }
        yield json.dumps(reattach)
