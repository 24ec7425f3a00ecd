"""What the three scripts of this folder share: how a message and what it means are written down."""
import base64
import json
import pathlib


def b64(content):
    return None if content is None else base64.b64encode(bytes(content)).decode()


def text_of(header):
    return header.decode() if isinstance(header, bytes) else header


class Messages:
    """Collects messages with what a reader should find in them; every expected number is a float32 as a double."""

    def __init__(self):
        self.list = []

    def add(self, name, decoder, value, headers=(), key=None, event_id=None, **expected):
        headers = dict(headers)
        self.list.append({
            "name": name,
            "format": decoder,
            "headers": {name: text_of(header) for name, header in headers.items()},
            "key": b64(key),
            "value": b64(value),
            "id": event_id,
            "expected": {part: found for part, found in expected.items()},
        })

    def write(self, path):
        path = pathlib.Path(path)
        path.write_text(json.dumps(self.list, indent=1) + "\n")
        print(path.name, len(self.list))
