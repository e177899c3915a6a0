import asyncio

from openai import AsyncOpenAI, OpenAI

import tap

CHAT = {"model": "gpt-test", "messages": [{"role": "user", "content": "Say something, schön."}]}
ASK = {"model": "gpt-test", "input": "Say something."}


def client(headers, kind=OpenAI):
    return kind(api_key="sk-test", default_headers=headers, max_retries=0)


def joined(deltas):
    text = ""
    for delta in deltas:
        if delta and not text:
            tap.first()
        text += delta or ""
    return text


def chat(headers):
    return client(headers).chat.completions.create(**CHAT).choices[0].message.content


def chat_stream(headers):
    return joined(
        chunk.choices[0].delta.content for chunk in client(headers).chat.completions.create(stream=True, **CHAT)
    )


def responses(headers):
    return client(headers).responses.create(**ASK).output_text


def responses_stream(headers):
    events = client(headers).responses.create(stream=True, **ASK)
    return joined(event.delta for event in events if event.type == "response.output_text.delta")


def embeddings(headers):
    return repr(client(headers).embeddings.create(model="test", input=["one", "two"]).data[1].embedding)


def models(headers):
    return client(headers).models.list().data[0].id


def twice(headers):
    one = client(headers)
    return one.chat.completions.create(**CHAT).choices[0].message.content + (
        one.chat.completions.create(**CHAT).choices[0].message.content
    )


async def async_chat(headers):
    async with client(headers, AsyncOpenAI) as one:
        return (await one.chat.completions.create(**CHAT)).choices[0].message.content


async def async_chat_stream(headers):
    async with client(headers, AsyncOpenAI) as one:
        return await async_joined(await one.chat.completions.create(stream=True, **CHAT))


async def async_joined(chunks):
    text = ""
    async for chunk in chunks:
        delta = chunk.choices[0].delta.content
        if delta and not text:
            tap.first()
        text += delta or ""
    return text


tap.run(
    {
        "chat": chat,
        "chat-stream": chat_stream,
        "responses": responses,
        "responses-stream": responses_stream,
        "embeddings": embeddings,
        "models": models,
        "twice": twice,
        "async-chat": lambda headers: asyncio.run(async_chat(headers)),
        "async-chat-stream": lambda headers: asyncio.run(async_chat_stream(headers)),
    }
)
