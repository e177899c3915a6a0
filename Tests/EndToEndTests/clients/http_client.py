"""requests, httpx and aiohttp: the libraries that programs use without an SDK. Their answers are given as they came."""

import asyncio

import tap

URL = "https://api.openai.com/v1/chat/completions"


def body(stream):
    flag = b',"stream":true' if stream else b""
    return b'{"model":"gpt-test","messages":[{"role":"user","content":"sch\xc3\xb6n"}]' + flag + b"}"


def with_type(headers):
    return dict(headers, **{"content-type": "application/json"})


def lines(pieces):
    text = b""
    for piece in pieces:
        if piece and not text:
            tap.first()
        text += piece
    return text.decode()


def with_requests(headers, stream=False, data=None):
    import requests

    answer = requests.post(URL, data=data or body(stream), headers=with_type(headers), stream=stream, timeout=60)
    return lines(answer.iter_content(None)) if stream else answer.text


def with_httpx(headers, stream=False):
    import httpx

    with httpx.Client(timeout=60) as client:
        if not stream:
            return client.post(URL, content=body(False), headers=with_type(headers)).text
        with client.stream("POST", URL, content=body(True), headers=with_type(headers)) as answer:
            return lines(answer.iter_raw())


async def with_aiohttp(headers, stream=False):
    import aiohttp

    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.post(URL, data=body(stream), headers=with_type(headers)) as answer:
            if not stream:
                return await answer.text()
            text = b""
            async for piece in answer.content.iter_any():
                if piece and not text:
                    tap.first()
                text += piece
            return text.decode()


def upload(headers):
    """A chunked upload: requests sends one when the program passes a generator."""
    return with_requests(headers, data=(b"%04d" % number * 4096 for number in range(64)))


tap.run(
    {
        "requests": with_requests,
        "requests-stream": lambda headers: with_requests(headers, True),
        "requests-upload": upload,
        "httpx": with_httpx,
        "httpx-stream": lambda headers: with_httpx(headers, True),
        "aiohttp": lambda headers: asyncio.run(with_aiohttp(headers)),
        "aiohttp-stream": lambda headers: asyncio.run(with_aiohttp(headers, True)),
    }
)
