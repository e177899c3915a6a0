import asyncio

from anthropic import Anthropic, AsyncAnthropic

import tap

ASK = {"model": "claude-test", "max_tokens": 64, "messages": [{"role": "user", "content": "Say something, schön."}]}


def client(headers, kind=Anthropic):
    return kind(api_key="sk-ant-test", default_headers=headers, max_retries=0)


def messages(headers):
    return client(headers).messages.create(**ASK).content[0].text


def messages_stream(headers):
    text = ""
    with client(headers).messages.stream(**ASK) as stream:
        for delta in stream.text_stream:
            if not text:
                tap.first()
            text += delta
    return text


async def async_messages(headers):
    async with client(headers, AsyncAnthropic) as one:
        return (await one.messages.create(**ASK)).content[0].text


async def async_messages_stream(headers):
    text = ""
    async with client(headers, AsyncAnthropic) as one:
        async with one.messages.stream(**ASK) as stream:
            async for delta in stream.text_stream:
                if not text:
                    tap.first()
                text += delta
    return text


tap.run(
    {
        "messages": messages,
        "messages-stream": messages_stream,
        "async-messages": lambda headers: asyncio.run(async_messages(headers)),
        "async-messages-stream": lambda headers: asyncio.run(async_messages_stream(headers)),
    }
)
