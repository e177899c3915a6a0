"""Every field that the SDKs can send has a side: in the key of the cache, or decidedly not.

The fields are taken from the SDKs as they are installed: what they send when every parameter is given, what their types
of messages, parts and tools hold, and what Google's converters write. A field that a newer SDK has and leo does not know is
part of the key all the same; this test asks that somebody looks at it.
"""

from __future__ import annotations

import http.server
import inspect
import json
import re
import threading
import typing
from typing import Any, Dict, Iterable, List, Set

import anthropic
import openai
import pytest
from anthropic.types import beta as anthropic_beta
from google.genai import models as genai_models
from openai.types import chat as openai_chat
from openai.types import responses as openai_responses
from openai.types.responses import response_input_item_param as openai_items
from openai.types.shared_params import FunctionDefinition

from harness import leo


@pytest.fixture
def explain(tmp_path):
    """explain(host, path, body): what `leo cache key` says of each field of a request."""

    def ask(host: str, path: str, body: Any) -> Dict[str, Dict[str, Any]]:
        file = tmp_path / "request.json"
        file.write_text(json.dumps(body), encoding="utf-8")
        done = leo("cache", "key", file, "--host", host, "--operation", path, "--json")
        # 1: the cache has nothing to do with such a request, which is explained all the same.
        assert done.returncode in (0, 1), done.stderr
        return {part["field"]: part for part in json.loads(done.stdout)["fields"]}

    return ask


def undecided(parts: Dict[str, Dict[str, Any]], fields: Iterable[str]) -> List[str]:
    """The fields that leo does not know, and those that it did not see."""
    return sorted(field for field in set(fields) if not parts.get(field, {}).get("known"))


# What the SDKs send


class Recorder(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent and refuses it."""

    bodies: List[bytes] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"error": {"message": "no", "type": "invalid_request_error"}}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def recorder():
    """The address of a server that keeps what it is sent."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def sent(client: Any, path: str, **values: Any) -> Dict[str, Any]:
    """The body that an SDK sends when each parameter of a method is given, as null where `values` has nothing."""
    method = client
    for name in path.split("."):
        method = getattr(method, name)
    names = [name for name in inspect.signature(method).parameters if name != "timeout" and not name.startswith("extra_")]
    Recorder.bodies.clear()
    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError)):
        method(**{name: values.get(name) for name in names})
    body = json.loads(Recorder.bodies[0])
    assert len(body) > 1
    return body


OPENAI = [
    ("chat.completions.create", "/v1/chat/completions"),
    ("completions.create", "/v1/completions"),
    ("embeddings.create", "/v1/embeddings"),
    ("moderations.create", "/v1/moderations"),
    ("responses.create", "/v1/responses"),
    ("responses.input_tokens.count", "/v1/responses/input_tokens"),
]


@pytest.mark.parametrize("method, path", OPENAI, ids=[path for _, path in OPENAI])
def test_every_parameter_of_the_openai_sdk_has_a_side(explain, recorder, method, path):
    client = openai.OpenAI(api_key="k", base_url=recorder + "/v1", max_retries=0)
    body = sent(client, method, model="m", messages=[], input="x", prompt="x", encoding_format="float")
    assert undecided(explain("api.openai.com", path, body), body) == []


ANTHROPIC = [
    ("messages.create", "/v1/messages"),
    ("messages.count_tokens", "/v1/messages/count_tokens"),
    ("beta.messages.create", "/v1/messages?beta=true"),
    ("beta.messages.count_tokens", "/v1/messages/count_tokens?beta=true"),
]


@pytest.mark.parametrize("method, path", ANTHROPIC, ids=[path for _, path in ANTHROPIC])
def test_every_parameter_of_the_anthropic_sdk_has_a_side(explain, recorder, method, path):
    client = anthropic.Anthropic(api_key="k", base_url=recorder, max_retries=0)
    # Those that are no part of the body go into headers, all of which are in the key.
    body = sent(
        client, method, model="m", messages=[], max_tokens=9, betas=["b"], tools=[], user_profile_id="u", workspace_id="w"
    )
    assert undecided(explain("api.anthropic.com", path, body), body) == []


# What their types hold


def members(*types: Any) -> Dict[str, None]:
    """An object with every member of these types."""
    found: Set[str] = set()
    for each in types:
        for one in typing.get_args(each) or [each]:
            found |= set(one.__annotations__)
    return {name: None for name in sorted(found)}


def places(value: Any, place: str = "") -> List[str]:
    """The fields of a body as leo names them."""
    if isinstance(value, dict):
        inner = [(f"{place}.{name}" if place else name, each) for name, each in value.items()]
        return [name for name, _ in inner] + [found for name, each in inner for found in places(each, name)]
    if isinstance(value, list):
        return [found for each in value for found in places(each, place + "[]")]
    return []


def test_every_member_of_a_chat_message_has_a_side(explain):
    message = members(*(
        getattr(openai_chat, f"ChatCompletion{role}MessageParam")
        for role in ("System", "Developer", "User", "Assistant", "Tool", "Function")
    ))  # fmt: skip
    message["content"] = [
        members(
            openai_chat.ChatCompletionContentPartTextParam, openai_chat.ChatCompletionContentPartImageParam,
            openai_chat.ChatCompletionContentPartInputAudioParam, openai_chat.ChatCompletionContentPartRefusalParam,
            openai_chat.chat_completion_content_part_param.File,
        )
    ]  # fmt: skip
    message["content"][0] |= {
        "image_url": members(openai_chat.chat_completion_content_part_image_param.ImageURL),
        "input_audio": members(openai_chat.chat_completion_content_part_input_audio_param.InputAudio),
        "file": members(openai_chat.chat_completion_content_part_param.FileFile),
    }
    message["tool_calls"] = [
        members(
            openai_chat.ChatCompletionMessageFunctionToolCallParam, openai_chat.ChatCompletionMessageCustomToolCallParam
        )
    ]
    tool = members(openai_chat.ChatCompletionFunctionToolParam, openai_chat.ChatCompletionCustomToolParam)
    tool["function"] = members(FunctionDefinition)
    tool["custom"] = members(openai_chat.chat_completion_custom_tool_param.Custom)
    body = {"model": "m", "messages": [message], "tools": [tool]}
    assert undecided(explain("api.openai.com", "/v1/chat/completions", body), places(body)) == []


def test_every_member_of_a_response_item_has_a_side(explain):
    item = members(
        openai_responses.EasyInputMessageParam, openai_items.Message, openai_responses.ResponseOutputMessageParam,
        openai_responses.ResponseFunctionToolCallParam, openai_items.FunctionCallOutput,
        openai_responses.ResponseReasoningItemParam, openai_responses.ResponseCustomToolCallParam,
        openai_responses.ResponseCustomToolCallOutputParam,
    )  # fmt: skip
    item["content"] = [
        members(
            openai_responses.ResponseInputTextParam, openai_responses.ResponseInputImageParam,
            openai_responses.ResponseInputFileParam, openai_responses.ResponseOutputTextParam,
            openai_responses.ResponseOutputRefusalParam,
        )
    ]  # fmt: skip
    tool = members(openai_responses.FunctionToolParam, openai_responses.CustomToolParam)
    body = {"model": "m", "store": False, "input": [item], "tools": [tool]}
    assert undecided(explain("api.openai.com", "/v1/responses", body), places(body)) == []


def test_every_member_of_an_anthropic_block_has_a_side(explain):
    kinds = ("Text", "Image", "RequestDocument", "SearchResult", "Thinking", "RedactedThinking", "ToolUse", "ToolResult")
    block = members(*(getattr(anthropic_beta, f"Beta{kind}BlockParam") for kind in kinds))
    block["source"] = members(
        anthropic_beta.BetaBase64ImageSourceParam, anthropic_beta.BetaURLImageSourceParam,
        anthropic_beta.BetaFileImageSourceParam, anthropic_beta.BetaBase64PDFSourceParam,
        anthropic_beta.BetaPlainTextSourceParam, anthropic_beta.BetaContentBlockSourceParam,
    )  # fmt: skip
    message = members(anthropic_beta.BetaMessageParam)
    message["content"] = [block]
    body = {"model": "m", "max_tokens": 1, "messages": [message], "tools": [members(anthropic_beta.BetaToolParam)]}
    body["output_config"] = members(anthropic_beta.BetaOutputConfigParam)
    assert undecided(explain("api.anthropic.com", "/v1/messages", body), places(body)) == []


# What Google's converters write


def written(function: str, target: str = "to_object") -> Dict[str, Any]:
    """The members that a converter of the SDK can set, as far down as it sets them itself."""
    source = inspect.getsource(getattr(genai_models, function))
    found: Dict[str, Any] = {}
    for path in re.findall(rf"setv\(\s*{target},\s*\[((?:\s*'[^']*',?)+)\s*\]", source):
        *outer, last = re.findall(r"'([^']*)'", path)
        inner = found
        for name in outer:
            inner = inner.setdefault(name.removesuffix("[]"), [{}])[0]
        inner.setdefault(last.removesuffix("[]"), None)
    assert found or target != "to_object", f"{function} looks different now"
    # What begins so goes into the path or the query.
    return {name: value for name, value in sorted(found.items()) if not name.startswith("_")}


def merged(left: Any, right: Any) -> Any:
    """Both objects in one, and of two lists of one object each one of one."""
    if isinstance(left, list) and isinstance(right, list):
        return [merged(left[0], right[0])]
    if isinstance(left, dict) and isinstance(right, dict):
        return {name: merged(left.get(name), right.get(name)) for name in [*left, *right]}
    return left if right is None else right


@pytest.mark.parametrize("api", ["mldev", "vertex"])
def test_every_member_that_the_google_sdk_writes_has_a_side(explain, api):
    content = written(f"_Content_to_{api}")
    content["parts"] = [written(f"_Part_to_{api}")]
    body: Dict[str, Any] = {
        **written(f"_GenerateContentParameters_to_{api}"), **written(f"_GenerateContentConfig_to_{api}", "parent_object"),
        "contents": [content], "generationConfig": written(f"_GenerateContentConfig_to_{api}"),
        "tools": [written(f"_Tool_to_{api}")],
    }  # fmt: skip
    parts = explain("generativelanguage.googleapis.com", "/v1beta/models/m:generateContent", body)
    # What else than functions a tool can be is none of the cache's business, whatever it is called.
    fields = [field for field in places(body) if not re.match(r"tools\[\]\.(?!functionDeclarations)", field)]
    assert undecided(parts, fields) == []
    counted = {
        **written(f"_CountTokensParameters_to_{api}"), **written(f"_CountTokensConfig_to_{api}", "parent_object"),
    }  # fmt: skip
    parts = explain("generativelanguage.googleapis.com", "/v1beta/models/m:countTokens", counted)
    assert undecided(parts, counted) == []


@pytest.mark.parametrize("api, verb", [("mldev", "batchEmbedContents"), ("vertex", "embedContent")])
def test_every_member_of_the_google_sdk_s_embeddings_has_a_side(explain, api, verb):
    body = merged(
        written(f"_EmbedContentParametersPrivate_to_{api}"), written(f"_EmbedContentConfig_to_{api}", "parent_object")
    )
    # The older way of Vertex AI has another path.
    body = {name: value for name, value in body.items() if name not in ("instances", "parameters")}
    parts = explain("generativelanguage.googleapis.com", f"/v1beta/models/m:{verb}", body)
    assert undecided(parts, places(body)) == []


# What must not be ignored where it only has the name of something that is


@pytest.mark.parametrize("name", ["user", "stream", "metadata", "cache_control", "safety_identifier"])
def test_a_name_is_ignored_at_its_own_place_alone(explain, name):
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x", name: "1"}], name: "2"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {name: "3"}, name: "4"}, name: "5"}],
    }
    parts = explain("api.openai.com", "/v1/chat/completions", body)
    assert [field for field, part in parts.items() if part["side"] == "ignored"] == []
