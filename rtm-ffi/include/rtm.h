/* The C ABI of the RTM client SDK. Made by cbindgen from rtm-ffi/src: change nothing here by hand.

   Handles are numbers. A call returns RTM_OK or a negative error at once, and what it has asked for
   comes as an event with the number that was written to `request`. Text is UTF-8, with its length.
   docs/decisions/0017-c-abi.md says more: order, threads, bounds, who frees what. */

#ifndef RTM_H
#define RTM_H

#include <stddef.h>
#include <stdint.h>

/*
 Done, or begun.
 */
#define RTM_OK 0

/*
 Nothing to poll in the time that was given.
 */
#define RTM_NO_EVENT 1

/*
 A fault inside the library: please report it, with the text.
 */
#define RTM_ERROR_INTERNAL -1

/*
 Not from inside a callback.
 */
#define RTM_ERROR_IN_CALLBACK -2

/*
 The library's threads could not be started.
 */
#define RTM_ERROR_INIT_FAILED -10007

/*
 An argument is null, too long, no UTF-8, or out of range.
 */
#define RTM_ERROR_INVALID_PARAMETER -10014

/*
 No such client, or event: destroyed or freed, or never there.
 */
#define RTM_ERROR_RELEASED -10018

/*
 Too many requests are unanswered, or events unfreed.
 */
#define RTM_ERROR_TOO_MANY -10021

/*
 A call's result: `request`, `operation`, `error`.
 */
#define RTM_EVENT_RESULT 1

/*
 A message, of a channel or a topic.
 */
#define RTM_EVENT_MESSAGE 2

/*
 Messages are missing: `count` of them, with `RTM_FLAG_COUNTED`.
 */
#define RTM_EVENT_GAP 3

/*
 A subscription or membership has ended: `error`.
 */
#define RTM_EVENT_ENDED 4

/*
 The link has changed.
 */
#define RTM_EVENT_LINK 5

/*
 After the link is back: what could not be restored, and why. A channel, a topic of one, or a
 user's metadata: then `publisher` is the user, and `channel` empty.
 */
#define RTM_EVENT_UNRESTORED 6

/*
 Somebody publishes in a topic of a channel that was joined.
 */
#define RTM_EVENT_PUBLISHER_JOINED 7

/*
 And does no longer.
 */
#define RTM_EVENT_PUBLISHER_LEFT 8

/*
 Before the result of a topic subscription: a publisher that could not be subscribed to.
 */
#define RTM_EVENT_USER_FAILED 9

/*
 News of the link or of topics were dropped, for they were not polled in time: `count`.
 */
#define RTM_EVENT_LAGGED 10

/*
 A fault inside the library that belongs to no request: please report it, with the text.
 */
#define RTM_EVENT_FAULT 11

/*
 `rtm_login`.
 */
#define RTM_OPERATION_LOGIN 1

/*
 `rtm_logout`.
 */
#define RTM_OPERATION_LOGOUT 2

/*
 `rtm_subscribe`.
 */
#define RTM_OPERATION_SUBSCRIBE 3

/*
 `rtm_unsubscribe`.
 */
#define RTM_OPERATION_UNSUBSCRIBE 4

/*
 `rtm_publish`.
 */
#define RTM_OPERATION_PUBLISH 5

/*
 `rtm_channel_join`.
 */
#define RTM_OPERATION_CHANNEL_JOIN 6

/*
 `rtm_channel_leave`.
 */
#define RTM_OPERATION_CHANNEL_LEAVE 7

/*
 `rtm_topic_join`.
 */
#define RTM_OPERATION_TOPIC_JOIN 8

/*
 `rtm_topic_leave`.
 */
#define RTM_OPERATION_TOPIC_LEAVE 9

/*
 `rtm_topic_publish`.
 */
#define RTM_OPERATION_TOPIC_PUBLISH 10

/*
 `rtm_topic_subscribe`.
 */
#define RTM_OPERATION_TOPIC_SUBSCRIBE 11

/*
 `rtm_topic_unsubscribe`.
 */
#define RTM_OPERATION_TOPIC_UNSUBSCRIBE 12

/*
 A message channel.
 */
#define RTM_CHANNEL_MESSAGE 1

/*
 A stream channel, with topics.
 */
#define RTM_CHANNEL_STREAM 2

/*
 Bytes.
 */
#define RTM_MESSAGE_BINARY 0

/*
 Text; the library doesn't look whether it is.
 */
#define RTM_MESSAGE_STRING 1

/*
 UDP, and TCP where UDP doesn't pass.
 */
#define RTM_PROTOCOL_TCP_UDP 0

/*
 TCP, or WebSockets on it.
 */
#define RTM_PROTOCOL_TCP_ONLY 1

/*
 UDP.
 */
#define RTM_PROTOCOL_UDP_ONLY 2

/*
 Each message on its own, as soon as it is there.
 */
#define RTM_QOS_UNORDERED 0

/*
 In the publisher's order.
 */
#define RTM_QOS_ORDERED 1

/*
 Before all others.
 */
#define RTM_PRIORITY_HIGHEST 0

/*
 Before most.
 */
#define RTM_PRIORITY_HIGH 1

/*
 The default.
 */
#define RTM_PRIORITY_NORMAL 4

/*
 After all others.
 */
#define RTM_PRIORITY_LOW 8

/*
 Not logged in.
 */
#define RTM_LINK_IDLE 0

/*
 A login is under way.
 */
#define RTM_LINK_CONNECTING 1

/*
 Logged in, and the server answers.
 */
#define RTM_LINK_CONNECTED 2

/*
 The server doesn't answer; the client comes back by itself.
 */
#define RTM_LINK_DISCONNECTED 3

/*
 For longer than two minutes.
 */
#define RTM_LINK_SUSPENDED 4

/*
 Over; log in again.
 */
#define RTM_LINK_FAILED 5

/*
 `count` is known.
 */
#define RTM_FLAG_COUNTED 1

/*
 Links: what was there before the loss is restored, but for what `RTM_EVENT_UNRESTORED` names.
 */
#define RTM_FLAG_RESTORED 2

/*
 Nothing is logged.
 */
#define RTM_LOG_OFF 0

/*
 What should not happen.
 */
#define RTM_LOG_ERROR 1

/*
 What the application should know.
 */
#define RTM_LOG_WARN 2

/*
 What a session does, now and then.
 */
#define RTM_LOG_INFO 3

/*
 What it does in detail.
 */
#define RTM_LOG_DEBUG 4

/*
 Text (UTF-8, not terminated) or bytes. With `len` 0, `data` may be null.

 What the application hands over is copied before the call returns. What an event holds is valid
 until `rtm_event_free`.
 */
typedef struct {
  /*
   The first byte.
   */
  const uint8_t *data;
  /*
   How many there are.
   */
  size_t len;
} rtm_bytes;

/*
 A client, or 0. A number that is never used again: what is freed can't be mistaken for anything.
 */
typedef uint64_t rtm_client;

/*
 Rings when there is something new to poll; what comes until it has rung counts as one. Runs on
 the library's thread `rtm-callback`. It may call everything but `rtm_client_create` and
 `rtm_client_destroy`; while it blocks, no other callback runs.
 */
typedef void (*rtm_wake)(rtm_client client, void *context);

/*
 Settings of a client. `rtm_config_init` first, then what differs from the defaults.
 */
typedef struct {
  /*
   `sizeof (rtm_config)`, as `rtm_config_init` has set it.
   */
  uint32_t size;
  /*
   `RTM_PROTOCOL_…`. Default: `RTM_PROTOCOL_TCP_UDP`.
   */
  uint32_t protocol;
  /*
   The app: 32 hexadecimal digits.
   */
  rtm_bytes app_id;
  /*
   The user: 1 to 64 of the allowed characters.
   */
  rtm_bytes user_id;
  /*
   The server's connection string, as `rtm-server` prints it: `rtm://HOST:PORT?key=HEX`.
   */
  rtm_bytes server;
  /*
   Token of logins that bring none. Default: empty.
   */
  rtm_bytes token;
  /*
   Milliseconds until a login is given up, 1,000 to 60,000. 0, the default: 10,000.
   */
  uint32_t login_timeout_ms;
  /*
   Milliseconds after which a lost link counts as failed, 15,000 to 3,600,000. 0, the default:
   never.
   */
  uint32_t reconnect_timeout_ms;
  /*
   Milliseconds of silence after which the client asks, 5,000 to 1,800,000, rounded up to
   whole seconds. 0, the default: 5,000.
   */
  uint32_t keep_alive_ms;
  /*
   0.
   */
  uint32_t reserved;
  /*
   Rings when there is something to poll. Default: null.
   */
  rtm_wake wake;
  /*
   Handed to `wake` as it is.
   */
  void *wake_context;
} rtm_config;

/*
 Something that has happened. Set `size` before each poll; the rest is overwritten.
 */
typedef struct {
  /*
   `sizeof (rtm_event)`.
   */
  uint32_t size;
  /*
   `RTM_EVENT_…`: what happened. 0 after it was freed.
   */
  uint32_t kind;
  /*
   Its number, for `rtm_event_free`.
   */
  uint64_t id;
  /*
   The request that this is the result of, else 0.
   */
  uint64_t request;
  /*
   Results, ends, failures: `RTM_OK` or an error, whose sentence is `text`.
   */
  int32_t error;
  /*
   Results: `RTM_OPERATION_…`.
   */
  uint32_t operation;
  /*
   `RTM_CHANNEL_…`: what `channel` names.
   */
  uint32_t channel_type;
  /*
   Messages: `RTM_MESSAGE_…`.
   */
  uint32_t message_type;
  /*
   Links: `RTM_LINK_…`, now and before.
   */
  uint32_t link_state;
  /*
   See `link_state`.
   */
  uint32_t link_previous;
  /*
   Links: the reason's number in RTM 2.x.
   */
  uint32_t link_reason;
  /*
   `RTM_FLAG_…`, added up.
   */
  uint32_t flags;
  /*
   Messages and results of publishes: the position in the channel, counted within an epoch; in
   topics within a publication.
   */
  uint64_t epoch;
  /*
   See `epoch`.
   */
  uint64_t sequence;
  /*
   Messages of topics, and their gaps: which publication of the publisher.
   */
  uint64_t publication;
  /*
   Messages and results of publishes: the server's time, milliseconds since 1970.
   */
  uint64_t time_ms;
  /*
   Gaps: how many messages are missing, with `RTM_FLAG_COUNTED`. Lagging: news that were
   dropped.
   */
  uint64_t count;
  /*
   Name of the channel; of the user for messages to users.
   */
  rtm_bytes channel;
  /*
   Name of the topic, else empty.
   */
  rtm_bytes topic;
  /*
   Who published, or whom it is about.
   */
  rtm_bytes publisher;
  /*
   The message's custom type.
   */
  rtm_bytes custom_type;
  /*
   The message.
   */
  rtm_bytes payload;
  /*
   Errors: a sentence that names the culprit, the number, and what to do.
   */
  rtm_bytes text;
} rtm_event;

/*
 Takes a line of the log: its level (`RTM_LOG_…`) and text, which is valid during the call. Runs
 on the library's thread `rtm-callback`, while there is a client; the same holds as for
 `rtm_wake`.
 */
typedef void (*rtm_log_sink)(uint32_t level, rtm_bytes text, void *context);

/*
 What a publish says of its message. Null in place of one: binary, no custom type.
 */
typedef struct {
  /*
   `sizeof (rtm_publish_options)`.
   */
  uint32_t size;
  /*
   `RTM_MESSAGE_…`.
   */
  uint32_t message_type;
  /*
   Up to 32 bytes of the application's own, handed on as they are. Default: empty.
   */
  rtm_bytes custom_type;
} rtm_publish_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Fills in the defaults. `size` is `sizeof (rtm_config)`.

 # Safety
 `config` is null, or a place for `size` bytes.
 */
int32_t rtm_config_init(rtm_config *config, uint32_t size);

/*
 Makes a client, which does nothing yet. The first one begins the library's threads. Not from a
 callback.

 # Safety
 `config` is null or as `rtm_config_init` has made it, with what it points to; `client` is null,
 or a place for a number. `wake` may be called with `wake_context` on another thread until
 `rtm_client_destroy` has returned.
 */
int32_t rtm_client_create(const rtm_config *config, rtm_client *client);

/*
 Ends a client: its requests get no result any more, and events that were not polled are gone.
 Returns when its callback has returned, which is never called again; if it was the last client,
 the library's threads have ended then. Its session ends without a word unless it was logged out.
 Not from a callback.
 */
int32_t rtm_client_destroy(rtm_client client);

/*
 Logs in, with this token or, if it is empty, with the configuration's.

 # Safety
 `token` is readable; `request` is null, or a place for a number.
 */
int32_t rtm_login(rtm_client client, rtm_bytes token, uint64_t *request);

/*
 Logs out: all subscriptions, memberships and publishers end.

 # Safety
 `request` is null, or a place for a number.
 */
int32_t rtm_logout(rtm_client client, uint64_t *request);

/*
 Tells the client that the device has changed its network, so that it asks at once whether its
 session still gets through.
 */
int32_t rtm_network_changed(rtm_client client);

/*
 The state of the link now: `RTM_LINK_…`.

 # Safety
 `state` is null, or a place for a number.
 */
int32_t rtm_link_state(rtm_client client, uint32_t *state);

/*
 Takes the client's next event, and waits for one: so many milliseconds, not at all with 0, for
 ever with less. `RTM_OK`: `event` is filled in, and to be freed. `RTM_NO_EVENT`: there is none.
 Any threads may poll; each event goes to one of them.

 # Safety
 `event` is null, or a place as long as its `size` says, which is set.
 */
int32_t rtm_poll_event(rtm_client client, int32_t timeout_ms, rtm_event *event);

/*
 Frees what an event points to, and makes it empty. Also after its client was destroyed.

 # Safety
 `event` is null, or one that `rtm_poll_event` has filled in.
 */
int32_t rtm_event_free(rtm_event *event);

#if defined(RTM_FAULT_INJECTION)
/*
 Panics: in this call with `place` 0, in the task of a request with 1, in another one with 2.

 # Safety
 `request` is null, or a place for a number.
 */
int32_t rtm_fault(rtm_client client, uint32_t place, uint64_t *request);
#endif

/*
 The version of the library, for example `0.1.0`; valid for ever.

 # Safety
 `version` is null, or a place for it.
 */
int32_t rtm_version(rtm_bytes *version);

/*
 Copies the sentence about this thread's last call that failed: what was wrong, the number, what
 to do. UTF-8, not terminated; cut where `capacity` ends. `length` gets the whole length, so a
 first call may ask for it with no buffer. Doesn't itself change what it tells.

 # Safety
 `buffer` has room for `capacity` bytes, or is null; `length` is a place for a number, or null.
 */
int32_t rtm_last_error(uint8_t *buffer, size_t capacity, size_t *length);

/*
 Sets what is logged (`RTM_LOG_…`) and who takes the lines; null for nobody, the default. A
 former sink has returned when this does, and is not called again, unless this is called from it.

 # Safety
 `sink` may be called with `context` on another thread until it is replaced.
 */
int32_t rtm_log(uint32_t level, rtm_log_sink sink, void *context);

/*
 Subscribes to a message channel: its messages become events after the result.

 # Safety
 `channel` is readable; `request` is null, or a place for a number.
 */
int32_t rtm_subscribe(rtm_client client, rtm_bytes channel, uint64_t *request);

/*
 Ends a subscription. Messages that are waiting to be polled may still come.

 # Safety
 `channel` is readable; `request` is null, or a place for a number.
 */
int32_t rtm_unsubscribe(rtm_client client, rtm_bytes channel, uint64_t *request);

/*
 Publishes in a message channel, subscribed or not. Messages to one channel leave in the order of
 these calls. Up to 65,536 bytes; the server's limit is usually lower.

 # Safety
 `channel` and `payload` are readable; `options` is null, or as long as its size says;
 `request` is null, or a place for a number.
 */
int32_t rtm_publish(rtm_client client,
                    rtm_bytes channel,
                    rtm_bytes payload,
                    const rtm_publish_options *options,
                    uint64_t *request);

/*
 Joins a stream channel, with this token or, if it is empty, with the login's.

 # Safety
 `channel` and `token` are readable; `request` is null, or a place for a number.
 */
int32_t rtm_channel_join(rtm_client client, rtm_bytes channel, rtm_bytes token, uint64_t *request);

/*
 Leaves a stream channel, with all its topics.

 # Safety
 `channel` is readable; `request` is null, or a place for a number.
 */
int32_t rtm_channel_leave(rtm_client client, rtm_bytes channel, uint64_t *request);

/*
 Joins a topic, so as to publish in it: `RTM_QOS_…`, `RTM_PRIORITY_…`.

 # Safety
 `channel` and `topic` are readable; `request` is null, or a place for a number.
 */
int32_t rtm_topic_join(rtm_client client,
                       rtm_bytes channel,
                       rtm_bytes topic,
                       uint32_t qos,
                       uint32_t priority,
                       uint64_t *request);

/*
 Leaves a topic, after what was published before this call. Nothing more can be published, even
 if the result is an error.

 # Safety
 `channel` and `topic` are readable; `request` is null, or a place for a number.
 */
int32_t rtm_topic_leave(rtm_client client, rtm_bytes channel, rtm_bytes topic, uint64_t *request);

/*
 Publishes in a topic that was joined: the result of `rtm_topic_join` has come. Messages to one
 topic leave in the order of these calls.

 # Safety
 `channel`, `topic` and `payload` are readable; `options` is null, or as long as its size says;
 `request` is null, or a place for a number.
 */
int32_t rtm_topic_publish(rtm_client client,
                          rtm_bytes channel,
                          rtm_bytes topic,
                          rtm_bytes payload,
                          const rtm_publish_options *options,
                          uint64_t *request);

/*
 Subscribes to publishers of a topic: to all of them, now and later, if `count` is 0, else to
 those that `users` names. Each that can't be subscribed to is an event `RTM_EVENT_USER_FAILED`
 before the result.

 # Safety
 `channel` and `topic` are readable; `users` has `count` readable names; `request` is null, or a
 place for a number.
 */
int32_t rtm_topic_subscribe(rtm_client client,
                            rtm_bytes channel,
                            rtm_bytes topic,
                            const rtm_bytes *users,
                            size_t count,
                            uint64_t *request);

/*
 Ends a topic's subscription. Messages that are waiting to be polled may still come.

 # Safety
 `channel` and `topic` are readable; `request` is null, or a place for a number.
 */
int32_t rtm_topic_unsubscribe(rtm_client client,
                              rtm_bytes channel,
                              rtm_bytes topic,
                              uint64_t *request);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RTM_H */
