"""A host that is no C: the library through ctypes. host.py LIBRARY SERVER APP

Two clients, a callback from the library's thread into Python, a message, a topic, errors, the end.
"""

import ctypes as c
import sys
import threading


class Bytes(c.Structure):
    _fields_ = [("data", c.c_char_p), ("len", c.c_size_t)]


class Seen(c.Structure):
    _fields_ = [("data", c.c_void_p), ("len", c.c_size_t)]

    def read(self):
        return c.string_at(self.data, self.len).decode() if self.len else ""


WAKE = c.CFUNCTYPE(None, c.c_uint64, c.c_void_p)


class Config(c.Structure):
    _fields_ = (
        [("size", c.c_uint32), ("protocol", c.c_uint32)]
        + [(name, Bytes) for name in ("app_id", "user_id", "server", "token")]
        + [(name, c.c_uint32) for name in ("login_ms", "reconnect_ms", "keep_alive_ms", "zero")]
        + [("wake", WAKE), ("wake_context", c.c_void_p)]
    )


class Event(c.Structure):
    _fields_ = (
        [("size", c.c_uint32), ("kind", c.c_uint32), ("id", c.c_uint64), ("request", c.c_uint64)]
        + [("error", c.c_int32), ("operation", c.c_uint32)]
        + [(name, c.c_uint32) for name in ("channel_type", "message_type", "link", "before")]
        + [(name, c.c_uint32) for name in ("reason", "flags")]
        + [(name, c.c_uint64) for name in ("epoch", "sequence", "publication", "time", "count")]
        + [(name, Seen) for name in ("channel", "topic", "publisher", "custom", "payload", "text")]
    )


RESULT, MESSAGE = 1, 2
INVALID_CHANNEL, INVALID_PARAMETER, RELEASED = -10008, -10014, -10018

library = c.CDLL(sys.argv[1])
server, app = sys.argv[2].encode(), sys.argv[3].encode()
for name, kinds in {
    "rtm_config_init": [c.c_void_p, c.c_uint32],
    "rtm_client_create": [c.c_void_p, c.c_void_p],
    "rtm_client_destroy": [c.c_uint64],
    "rtm_login": [c.c_uint64, Bytes, c.c_void_p],
    "rtm_subscribe": [c.c_uint64, Bytes, c.c_void_p],
    "rtm_publish": [c.c_uint64, Bytes, Bytes, c.c_void_p, c.c_void_p],
    "rtm_poll_event": [c.c_uint64, c.c_int32, c.c_void_p],
    "rtm_event_free": [c.c_void_p],
    "rtm_last_error": [c.c_void_p, c.c_size_t, c.c_void_p],
    "rtm_version": [c.c_void_p],
}.items():
    getattr(library, name).argtypes = kinds
    getattr(library, name).restype = c.c_int32

rung = threading.Event()
callback_threads = set()


@WAKE
def wake(_client, _context):
    callback_threads.add(threading.get_native_id())
    rung.set()


def text(value):
    return Bytes(value, len(value))


def client_of(user):
    config, client = Config(), c.c_uint64()
    assert library.rtm_config_init(c.byref(config), c.sizeof(config)) == 0, "its size differs"
    assert config.size == c.sizeof(config)
    config.app_id, config.user_id, config.server = text(app), text(user), text(server)
    config.login_ms, config.wake = 60000, wake
    assert library.rtm_client_create(c.byref(config), c.byref(client)) == 0, last_error()
    return client.value


def last_error():
    buffer, length = c.create_string_buffer(1024), c.c_size_t()
    library.rtm_last_error(buffer, len(buffer), c.byref(length))
    return buffer.raw[: length.value].decode()


def next_of(client, kind):
    while True:
        event = Event(size=c.sizeof(Event))
        assert library.rtm_poll_event(client, 60000, c.byref(event)) == 0, last_error()
        if event.kind == kind:
            return event
        assert library.rtm_event_free(c.byref(event)) == 0


def call(function, client, *arguments):
    request = c.c_uint64()
    assert function(client, *arguments, c.byref(request)) == 0, last_error()
    event = next_of(client, RESULT)
    assert event.request == request.value and event.error == 0, event.text.read()
    assert library.rtm_event_free(c.byref(event)) == 0


version = Seen()
assert library.rtm_version(c.byref(version)) == 0 and version.read().count(".") == 2
alice, bob = client_of(b"alice"), client_of(b"bob")
for client in (alice, bob):
    call(library.rtm_login, client, text(b""))
call(library.rtm_subscribe, bob, text(b"lobby"))
call(library.rtm_publish, alice, text(b"lobby"), text("grüße".encode()), None)
message = next_of(bob, MESSAGE)
assert message.payload.read() == "grüße" and message.publisher.read() == "alice"
assert message.channel.read() == "lobby" and message.time > 0
assert library.rtm_event_free(c.byref(message)) == 0

# A mistake is a code and a sentence, never a crash.
request = c.c_uint64()
error = library.rtm_publish(alice, text(b""), text(b"x"), None, c.byref(request))
assert error == INVALID_CHANNEL and "channel" in last_error(), (error, last_error())
assert library.rtm_login(alice, text(b"\xff\xfe"), None) == INVALID_PARAMETER, last_error()
assert rung.wait(60), "no callback came"
for client in (alice, bob):
    assert library.rtm_client_destroy(client) == 0
assert library.rtm_client_destroy(alice) == RELEASED
assert threading.get_native_id() not in callback_threads
print("host.py:", version.read(), "callbacks on", len(callback_threads), "thread")
