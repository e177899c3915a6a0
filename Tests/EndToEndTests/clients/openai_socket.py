"""The openai SDK over WebSocket: Realtime and Responses, with the proxy and the trust of the environment."""

import tap


def realtime(headers):
    from openai import OpenAI

    with OpenAI(api_key="sk-test").realtime.connect(model="gpt-realtime", extra_headers=headers) as connection:
        assert connection.recv().type == "session.created"
        connection.session.update(session={"type": "realtime", "instructions": "schön"})
        assert connection.recv().type == "session.updated"
        connection.response.create()
        text = ""
        for event in connection:
            if event.type == "response.output_text.delta":
                if not text:
                    tap.first()
                text += event.delta
            if event.type == "response.done":
                return text


def responses(headers):
    from openai import OpenAI

    with OpenAI(api_key="sk-test").responses.connect(extra_headers=headers) as connection:
        connection.response.create(model="gpt-test", input="Say something, schön.")
        text = ""
        for event in connection:
            if event.type == "response.output_text.delta":
                if not text:
                    tap.first()
                text += event.delta
            if event.type == "response.completed":
                return text


tap.run({"realtime": realtime, "responses": responses})
