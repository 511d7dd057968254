"""A real HTTP server on the loopback that answers like an OpenAI-compatible one, from a script.

It speaks ``POST /v1/chat/completions``: plain, streamed (server-sent events), tool calls and ``response_format``
(whose text the script gives as it is). Every request body is kept for assertions.

    with ScriptedOpenAI([Reply("hello"), Reply(status=429), Reply(calls=(("lookup", {"q": "x"}),))]) as server:
        llm = ChatOpenAI(model="scripted", api_key="none", base_url=server.base_url)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

_PIECE = 24


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        text: the assistant's content.
        calls: tool calls, (name, arguments) each.
        status: HTTP status; from 400 on, the body is an error in OpenAI's form.
        delay: seconds before the answer starts.
        cut: bytes of the body after which the connection is closed, although its length promised more.
        headers: further headers, e.g. ``Retry-After``.
        tokens: (prompt, completion) tokens to report.
        refusal: the assistant refuses with these words.
        full: the answer ends because it met the limit of tokens.
    """

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    status: int = 200
    delay: float = 0.0
    cut: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: tuple[int, int] = (10, 5)
    refusal: str | None = None
    full: bool = False

    def message(self) -> dict[str, Any]:
        """The assistant's message."""
        calls = [
            {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for n, (name, arguments) in enumerate(self.calls)
        ]
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else self.text}
        if calls:
            message["tool_calls"] = calls
        if self.refusal is not None:
            message |= {"content": None, "refusal": self.refusal}
        return message

    def usage(self) -> dict[str, int]:
        """Tokens in OpenAI's form."""
        prompt, completion = self.tokens
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def deltas(self) -> Iterator[dict[str, Any]]:
        """The message in pieces, as a stream sends it."""
        yield {"role": "assistant", "content": ""}
        if self.calls:
            for index, call in enumerate(self.message()["tool_calls"]):
                arguments = call["function"]["arguments"]
                head = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
                yield {"tool_calls": [head]}
                for start in range(0, len(arguments), _PIECE):
                    piece = {"index": index, "function": {"arguments": arguments[start : start + _PIECE]}}
                    yield {"tool_calls": [piece]}
        for start in range(0, 0 if self.calls else len(self.text), _PIECE):
            yield {"content": self.text[start : start + _PIECE]}

    @property
    def finish(self) -> str:
        """Why the answer ends."""
        return "length" if self.full else "tool_calls" if self.calls else "stop"


Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]


class ScriptedOpenAI:
    """The server; a context manager.

    Attributes:
        requests: the bodies received, in order.
        base_url: what ``ChatOpenAI(base_url=...)`` takes.

    Args:
        script: the replies in order (a further request gets status 500), or a function from the request's body.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[dict[str, Any]] = []
        self._script = script
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        cast("Any", self._server).owner = self

    @property
    def base_url(self) -> str:
        """The address, with the API's version."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> Reply:
        """The reply to one request."""
        with self._lock:
            self.requests.append(body)
            if callable(self._script):
                return self._script(body)
            place = len(self.requests) - 1
            return self._script[place] if place < len(self._script) else Reply("the script is over", status=500)

    def prompt(self, place: int = 0, role: str | None = None) -> str:
        """The text of one request's messages, of one role if named."""
        messages = self.requests[place]["messages"]
        return "\n".join(str(m["content"]) for m in messages if role in (None, m["role"]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Silence: the test's own output is enough."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        owner: ScriptedOpenAI = cast("Any", self.server).owner
        reply = owner.answer(body)
        time.sleep(reply.delay)
        kind = "text/event-stream" if body.get("stream") and reply.status < 400 else "application/json"
        data = _stream(body, reply) if "stream" in kind else _whole(body, reply)
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data if reply.cut is None else data[: reply.cut])
        except ConnectionError:  # the client timed out and left
            pass
        self.close_connection = reply.cut is not None or self.close_connection


def _whole(body: dict[str, Any], reply: Reply) -> bytes:
    if reply.status >= 400:
        return json.dumps({"error": {"message": reply.text or "scripted", "type": "scripted", "code": None}}).encode()
    choice = {"index": 0, "message": reply.message(), "finish_reason": reply.finish}
    return json.dumps(_envelope(body, "chat.completion") | {"choices": [choice], "usage": reply.usage()}).encode()


def _stream(body: dict[str, Any], reply: Reply) -> bytes:
    head = _envelope(body, "chat.completion.chunk")
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in reply.deltas()]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish}]})
    if body.get("stream_options", {}).get("include_usage"):
        events.append({**head, "choices": [], "usage": reply.usage()})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _envelope(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "scripted", "object": kind, "created": 0, "model": body.get("model", "scripted")}


def chat(server: ScriptedOpenAI, *, retries: int = 0, timeout: float = 30) -> ChatOpenAI:
    """A client of the server that streams what an answer used."""
    return ChatOpenAI(
        model="scripted",
        api_key=SecretStr("none"),
        base_url=server.base_url,
        max_retries=retries,
        timeout=timeout,
        stream_usage=True,
    )
