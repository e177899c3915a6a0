import boto3
from botocore.config import Config

import tap

ASK = {
    "modelId": "anthropic.claude-test-v1:0",
    "messages": [{"role": "user", "content": [{"text": "Say something, schön."}]}],
}


def client(headers):
    one = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id="AKIATEST",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def add(request, **_):
        # After signing: SigV4 does not cover these fields.
        for name, value in headers.items():
            request.headers[name] = value

    one.meta.events.register("before-send.bedrock-runtime", add)
    return one


def converse(headers):
    answer = client(headers).converse(**ASK)
    return answer["output"]["message"]["content"][0]["text"]


def converse_stream(headers):
    text = ""
    for event in client(headers).converse_stream(**ASK)["stream"]:
        if "contentBlockDelta" in event:
            if not text:
                tap.first()
            text += event["contentBlockDelta"]["delta"]["text"]
    return text


tap.run({"converse": converse, "converse-stream": converse_stream})
