"""A path of its own for each test, in front of an origin and behind a Larder that all tests share.

    at.says("Cache-Control: max-age=60", body=b"old")    # what the origin answers from now on
    at.get("Cache-Control: no-cache")                    # a request of a client
    at.count                                             # how often the origin was asked

Fields are whole lines. Nothing sleeps: what is old is made old by the origin's Age and Date.
"""
import email.utils
import itertools
import re
import time

from wire import Wire

_numbers = itertools.count(1)
HOUR = "Cache-Control: max-age=3600"


def now(seconds=0):
    """An HTTP date so far from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def date(seconds=0):
    """The same in a table, where it is known only when the test runs."""
    return f"<now{seconds:+d}>"


def _fill_in(text):
    """The text with its dates; in capitals where date() was put in capitals."""
    def fill(match):
        told = now(int(match[2]))
        return told.upper() if match[1] == "NOW" else told
    return re.sub(r"<(now)([+-]\d+)>", fill, text, flags=re.IGNORECASE)


def fields_of(lines):
    """Field lines as the origin wants them, several of a name under it."""
    fields = {}
    for line in lines:
        name, _, value = _fill_in(line).partition(":")
        fields.setdefault(name, []).append(value.strip(" "))
    return fields


def reply_of(*lines, **more):
    return {"headers": fields_of(lines), "body": b"x", **more}


class Place:
    def __init__(self, gateway, origin, prefix="/c"):
        self.gateway = gateway
        self.origin = origin
        self.path = f"{prefix}/{next(_numbers)}"

    def below(self, name):
        """Another path that belongs to this test."""
        other = Place(self.gateway, self.origin)
        other.path = f"{self.path}/{name}"
        return other

    # ---- the origin

    def says(self, *lines, **more):
        self.origin.reply(self.path, **reply_of(*lines, **more))
        return self

    def says_then(self, *replies):
        """One after the other, the last for all further ones."""
        self.origin.replies(self.path, *replies)
        return self

    def says_by(self, answer):
        """`answer` makes a reply of the request."""
        self.origin.reply(self.path, answer=answer)
        return self

    @property
    def asked(self):
        return self.origin.seen(self.path)

    @property
    def count(self):
        return len(self.asked)

    # ---- a client

    def get(self, *lines, method="GET", body=b"", host="a.example", path=None):
        wire = Wire(self.gateway.port)
        try:
            text = f"{method} {path or self.path} HTTP/1.1\r\nHost: {host}\r\n"
            text += "".join(_fill_in(line) + "\r\n" for line in lines)
            if body:
                text += f"Content-Length: {len(body)}\r\n"
            wire.send(text.encode("latin-1") + b"\r\n" + body)
            return wire.answer(to_head=method == "HEAD")
        finally:
            wire.close()

    def is_given_again(self, *lines, first=(), then=None, status=200):
        """Whether an answer with these fields is reused, without asking, for a second request."""
        self.says(*lines, status=status)
        self.get(*first)
        self.get(*(first if then is None else then))
        return self.count == 1


def parameters(answer):
    """Our member of Cache-Status, as a dictionary (RFC 9211)."""
    parts = [part.strip() for part in answer.cache.split(";")]
    assert parts[0] == "larder"
    found = {}
    for part in parts[1:]:
        name, equal, value = part.partition("=")
        assert name not in found
        found[name] = value if equal else True
    return found
