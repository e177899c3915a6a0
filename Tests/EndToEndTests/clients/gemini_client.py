import asyncio

from google import genai
from google.genai import types

import tap

ASK = {"model": "gemini-test", "contents": "Say something, schön."}


def client(headers):
    return genai.Client(api_key="AIza-test", http_options=types.HttpOptions(headers=headers))


# In every function the client has a name: its destructor would close the connection under a call.


def generate(headers):
    one = client(headers)
    return one.models.generate_content(**ASK).text


def generate_stream(headers):
    text = ""
    one = client(headers)
    for chunk in one.models.generate_content_stream(**ASK):
        if not text:
            tap.first()
        text += chunk.text or ""
    return text


async def async_generate(headers):
    one = client(headers)
    return (await one.aio.models.generate_content(**ASK)).text


async def async_generate_stream(headers):
    text = ""
    one = client(headers)
    async for chunk in await one.aio.models.generate_content_stream(**ASK):
        if not text:
            tap.first()
        text += chunk.text or ""
    return text


tap.run(
    {
        "generate": generate,
        "generate-stream": generate_stream,
        "async-generate": lambda headers: asyncio.run(async_generate(headers)),
        "async-generate-stream": lambda headers: asyncio.run(async_generate_stream(headers)),
    }
)
