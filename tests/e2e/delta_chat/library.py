"""The Delta Chat core as the library of mobile clients, which accepts a push token."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PUSH_CONNECTED = 2  # the relay has a device token


class Library:
    """One account of a core in this process."""

    def __init__(self, directory: Path) -> None:
        capi: Any = importlib.import_module("deltachat.capi")
        self._lib, self._ffi = capi.lib, capi.ffi
        self._accounts = self._lib.dc_accounts_new(str(directory).encode(), 1)
        self._rpc = self._lib.dc_jsonrpc_init(self._accounts)
        self._account: int = self.call("add_account")

    def logs_in(self, link: str, push_token: str) -> None:
        """Log in with the content of a QR code, as a phone with a push token."""
        self._lib.dc_accounts_set_push_device_token(self._accounts, push_token.encode())
        self.call("add_transport_from_qr", self._account, link)
        self.call("start_io", self._account)

    @property
    def is_push_connected(self) -> bool:
        """Return whether the relay has the token."""
        context = self._lib.dc_accounts_get_account(self._accounts, self._account)
        try:
            return bool(self._lib.dc_get_push_state(context) == PUSH_CONNECTED)
        finally:
            self._lib.dc_context_unref(context)

    def config(self, name: str) -> str:
        """Return a value of the core's configuration."""
        return str(self.call("get_config", self._account, name))

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method of the JSON-RPC interface.

        Raises:
            RuntimeError: it failed.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": arguments}
        raw = self._lib.dc_jsonrpc_blocking_call(self._rpc, json.dumps(request).encode())
        answer = json.loads(self._ffi.string(raw))
        self._lib.dc_str_unref(raw)
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer.get("result")

    def ends(self) -> None:
        """Stop the core and free its memory."""
        self._lib.dc_accounts_stop_io(self._accounts)
        self._lib.dc_jsonrpc_unref(self._rpc)
        self._lib.dc_accounts_unref(self._accounts)


@contextlib.contextmanager
def library(directory: Path) -> Iterator[Library]:
    """Run a core without a profile."""
    core = Library(directory)
    try:
        yield core
    finally:
        core.ends()
