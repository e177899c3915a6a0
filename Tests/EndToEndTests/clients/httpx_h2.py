"""httpx over HTTP/2. Modes: whole, stream, and many: twenty streams on one connection, of which one is given up."""

import asyncio
import json

import tap

URL = "https://api.openai.com/v1/chat/completions"
COUNT, GIVEN_UP = 20, 7


def body(stream):
    flag = b',"stream":true' if stream else b""
    return b'{"model":"gpt-test","messages":[{"role":"user","content":"sch\xc3\xb6n"}]' + flag + b"}"


def ask(headers, stream):
    import httpx

    headers["content-type"] = "application/json"
    with httpx.Client(http2=True, timeout=60) as client:
        with client.stream("POST", URL, content=body(stream), headers=headers) as answer:
            assert answer.http_version == "HTTP/2", answer.http_version
            text = b""
            for piece in answer.iter_raw():
                if piece and not text:
                    tap.first()
                text += piece
            return text.decode()


async def many(headers):
    import httpx

    texts, errors = {}, {}
    began, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def one(client, number):
        mine = dict(headers, **{"x-test-id": f"{headers['x-test-id']}-{number}", "content-type": "application/json"})
        text = b""
        try:
            async with client.stream("POST", URL, content=body(True), headers=mine) as answer:
                assert answer.http_version == "HTTP/2", answer.http_version
                async for piece in answer.aiter_raw():
                    if not text:
                        began.release()
                        await go_on.wait()
                        if number == GIVEN_UP:
                            errors[number] = "given up"
                            return
                    text += piece
            texts[number] = text.decode()
        except Exception as error:  # noqa: BLE001
            errors[number] = repr(error)

    async with httpx.AsyncClient(http2=True, timeout=60) as client:
        # Until it knows that the server speaks HTTP/2, httpx opens a connection per request.
        await client.get("https://api.openai.com/v1/models")
        tasks = [asyncio.create_task(one(client, number)) for number in range(COUNT)]
        for _ in range(COUNT):
            await began.acquire()
        go_on.set()
        await tasks[GIVEN_UP]
        tap.first()
        await asyncio.gather(*tasks)
    return json.dumps({"texts": texts, "errors": errors})


if __name__ == "__main__":
    tap.run(
        {
            "whole": lambda headers: ask(headers, False),
            "stream": lambda headers: ask(headers, True),
            "many": lambda headers: asyncio.run(many(headers)),
        }
    )
