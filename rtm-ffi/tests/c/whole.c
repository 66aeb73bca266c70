/* Every function, against a real server: whole SERVER APP */

#include "common.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int rings, lines;

static void wake(rtm_client client, void *context)
{
    uint32_t state;
    CHECK(context == &rings);
    /* Calling back in is allowed. While the client is being destroyed, it is gone already. */
    int32_t code = rtm_link_state(client, &state);
    CHECK(code == RTM_OK || code == RTM_ERROR_RELEASED);
    pthread_mutex_lock(&lock);
    rings++;
    pthread_mutex_unlock(&lock);
}

static void line(uint32_t level, rtm_bytes text, void *context)
{
    CHECK(context == &lines && level >= RTM_LOG_ERROR && level <= RTM_LOG_DEBUG && text.len > 0);
    pthread_mutex_lock(&lock);
    lines++;
    pthread_mutex_unlock(&lock);
}

static rtm_client client_of(const char *server, const char *app, const char *user)
{
    rtm_config config;
    rtm_client client = 0;
    CHECK(rtm_config_init(&config, sizeof config) == RTM_OK);
    config.server = text(server);
    config.app_id = text(app);
    config.user_id = text(user);
    config.login_timeout_ms = 60000;
    config.wake = wake;
    config.wake_context = &rings;
    CHECK(rtm_client_create(&config, &client) == RTM_OK && client != 0);
    return client;
}

static void messages(rtm_client alice, rtm_client bob)
{
    uint64_t request, last = 0;
    CHECK(rtm_subscribe(bob, text("lobby"), &request) == RTM_OK);
    done(bob, request);

    rtm_publish_options options = {.size = sizeof options, .message_type = RTM_MESSAGE_STRING};
    options.custom_type = text("greeting");
    for (int count = 0; count < 100; count++) {
        char payload[32];
        snprintf(payload, sizeof payload, "hello %d", count);
        CHECK(rtm_publish(alice, text("lobby"), text(payload), &options, &request) == RTM_OK);
        CHECK(request > last);
        last = request;
    }
    for (int count = 0; count < 100; count++) {
        char payload[32];
        snprintf(payload, sizeof payload, "hello %d", count);
        rtm_event event = next_of(bob, RTM_EVENT_MESSAGE);
        CHECK(is(event.payload, payload) && is(event.publisher, "alice"));
        CHECK(is(event.channel, "lobby") && event.topic.len == 0);
        CHECK(is(event.custom_type, "greeting") && event.message_type == RTM_MESSAGE_STRING);
        CHECK(event.channel_type == RTM_CHANNEL_MESSAGE && event.time_ms > 0);
        CHECK(rtm_event_free(&event) == RTM_OK);
    }
    rtm_event event = result_of(alice, last, RTM_OK);
    CHECK(event.operation == RTM_OPERATION_PUBLISH && event.sequence >= 100);
    CHECK(rtm_event_free(&event) == RTM_OK);

    CHECK(rtm_unsubscribe(bob, text("lobby"), &request) == RTM_OK);
    done(bob, request);
    CHECK(rtm_unsubscribe(bob, text("lobby"), &request) == RTM_OK);
    event = result_of(bob, request, -11002);
    CHECK(event.text.len > 0);
    CHECK(rtm_event_free(&event) == RTM_OK);
}

static void topics(rtm_client alice, rtm_client bob)
{
    uint64_t request;
    rtm_bytes town = text("town"), places = text("places"), none = {0};
    CHECK(rtm_channel_join(alice, town, none, &request) == RTM_OK);
    done(alice, request);
    CHECK(rtm_channel_join(bob, town, none, &request) == RTM_OK);
    done(bob, request);
    CHECK(rtm_topic_publish(alice, town, places, text("early"), NULL, &request) == RTM_OK);
    rtm_event event = result_of(alice, request, -11016);
    CHECK(rtm_event_free(&event) == RTM_OK);
    CHECK(rtm_topic_join(alice, town, places, RTM_QOS_ORDERED, RTM_PRIORITY_HIGH, &request) == 0);
    done(alice, request);
    event = next_of(bob, RTM_EVENT_PUBLISHER_JOINED);
    CHECK(is(event.topic, "places") && is(event.publisher, "alice") && is(event.channel, "town"));
    CHECK(rtm_event_free(&event) == RTM_OK);

    rtm_bytes users[2] = {text("alice"), text("nobody")};
    CHECK(rtm_topic_subscribe(bob, town, places, users, 2, &request) == RTM_OK);
    event = next_of(bob, RTM_EVENT_USER_FAILED);
    CHECK(is(event.publisher, "nobody") && event.request == request && event.error < 0);
    CHECK(rtm_event_free(&event) == RTM_OK);
    done(bob, request);
    for (uint8_t count = 0; count < 50; count++) {
        rtm_bytes payload = {&count, 1};
        CHECK(rtm_topic_publish(alice, town, places, payload, NULL, &request) == RTM_OK);
    }
    for (uint8_t count = 0; count < 50; count++) {
        event = next_of(bob, RTM_EVENT_MESSAGE);
        CHECK(event.payload.len == 1 && event.payload.data[0] == count);
        CHECK(is(event.topic, "places") && event.channel_type == RTM_CHANNEL_STREAM);
        CHECK(rtm_event_free(&event) == RTM_OK);
    }
    done(alice, request);
    CHECK(rtm_topic_unsubscribe(bob, town, places, &request) == RTM_OK);
    done(bob, request);
    CHECK(rtm_topic_unsubscribe(bob, town, places, &request) == RTM_OK);
    event = result_of(bob, request, -11013);
    CHECK(rtm_event_free(&event) == RTM_OK);
    CHECK(rtm_topic_leave(alice, town, places, &request) == RTM_OK);
    done(alice, request);
    event = next_of(bob, RTM_EVENT_PUBLISHER_LEFT);
    CHECK(is(event.topic, "places") && is(event.publisher, "alice"));
    CHECK(rtm_event_free(&event) == RTM_OK);
    CHECK(rtm_channel_leave(bob, town, &request) == RTM_OK);
    done(bob, request);
}

static void whole(const char *server, const char *app)
{
    uint64_t request;
    uint32_t state;
    rtm_client alice = client_of(server, app, "alice"), bob = client_of(server, app, "bob");
    CHECK(rtm_login(alice, text(""), &request) == RTM_OK);
    done(alice, request);
    CHECK(rtm_login(bob, text("any token, as the app is open"), &request) == RTM_OK);
    rtm_event event = next_of(bob, RTM_EVENT_LINK);
    CHECK(event.link_state == RTM_LINK_CONNECTING && event.link_previous == RTM_LINK_IDLE);
    CHECK(rtm_event_free(&event) == RTM_OK);
    done(bob, request);
    CHECK(rtm_link_state(bob, &state) == RTM_OK && state == RTM_LINK_CONNECTED);
    CHECK(rtm_network_changed(bob) == RTM_OK);

    messages(alice, bob);
    topics(alice, bob);

    CHECK(rtm_logout(bob, &request) == RTM_OK);
    done(bob, request);
    CHECK(rtm_link_state(bob, &state) == RTM_OK && state == RTM_LINK_IDLE);
    /* Freed after its client is gone. */
    CHECK(rtm_logout(alice, &request) == RTM_OK);
    event = result_of(alice, request, RTM_OK);
    CHECK(rtm_client_destroy(alice) == RTM_OK);
    CHECK(event.operation == RTM_OPERATION_LOGOUT && rtm_event_free(&event) == RTM_OK);
    CHECK(rtm_client_destroy(bob) == RTM_OK);
}

/* Threads of this process whose name begins so. */
static int threads_named(const char *begin)
{
    char command[64];
    snprintf(command, sizeof command, "cat /proc/%d/task/*/comm", (int)getpid());
    FILE *names = popen(command, "r");
    char name[64];
    int count = 0;
    while (fgets(name, sizeof name, names)) count += strncmp(name, begin, strlen(begin)) == 0;
    pclose(names);
    return count;
}

int main(int argc, char **argv)
{
    rtm_bytes version;
    CHECK(argc == 3);
    CHECK(rtm_version(&version) == RTM_OK && version.len >= 5);
    CHECK(rtm_log(RTM_LOG_DEBUG, line, &lines) == RTM_OK);
    /* Twice: the library begins and ends with its clients. */
    for (int life = 0; life < 2; life++) {
        whole(argv[1], argv[2]);
        CHECK(threads_named("rtm-") == 0);
    }
    CHECK(rings > 0 && lines > 0);
    int before = lines;
    CHECK(rtm_log(RTM_LOG_OFF, NULL, NULL) == RTM_OK);
    whole(argv[1], argv[2]);
    CHECK(lines == before);
    printf("whole: %d rings, %d lines\n", rings, lines);
    return 0;
}
