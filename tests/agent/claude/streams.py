"""Events of a stream, in a word each."""

import json


def start(**message):
    return {"type": "message_start", "message": {"id": "m", "content": [], **message}}


def block(index, type_, **more):
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": type_, **more},
    }


def call(index, name, **more):
    return block(index, "tool_use", **{"id": f"t{index}", "name": name, "input": {}, **more})


def delta(index, type_, **more):
    return {"type": "content_block_delta", "index": index, "delta": {"type": type_, **more}}


def part(index, text):
    return delta(index, "input_json_delta", partial_json=text)


def stop(index):
    return {"type": "content_block_stop", "index": index}


def end(reason, **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def encoded(*events):
    """Write events the way a server does."""
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events
    ).encode()
