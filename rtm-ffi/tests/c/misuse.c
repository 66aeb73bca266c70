/* Every function, wrongly: misuse SERVER APP. Errors with text, no crash, no leak. */

#include "common.h"

#define REFUSED(call, code)                                                                         \
    do {                                                                                            \
        size_t len = 0;                                                                             \
        CHECK((call) == (code));                                                                    \
        CHECK(rtm_last_error(NULL, 0, &len) == RTM_OK && len > 20);                                 \
    } while (0)

#define PARAMETER RTM_ERROR_INVALID_PARAMETER
#define RELEASED RTM_ERROR_RELEASED

static const rtm_bytes none = {0};
static const rtm_bytes null_text = {NULL, 5};
static const rtm_bytes no_utf8 = {(const uint8_t *)"ab\xff", 3};
static rtm_bytes endless;

static int32_t make(const char *server, const char *app, rtm_wake wake, void *context,
                    rtm_client *client)
{
    rtm_config config;
    CHECK(rtm_config_init(&config, sizeof config) == RTM_OK);
    config.server = text(server);
    config.app_id = text(app);
    config.user_id = text("mallory");
    config.wake = wake;
    config.wake_context = context;
    return rtm_client_create(&config, client);
}

static void settings(const char *server, const char *app)
{
    rtm_config config;
    rtm_client client;
    REFUSED(rtm_config_init(NULL, sizeof config), PARAMETER);
    REFUSED(rtm_config_init(&config, 8), PARAMETER);
    REFUSED(rtm_client_create(NULL, &client), PARAMETER);
    CHECK(rtm_config_init(&config, sizeof config) == RTM_OK);
    REFUSED(rtm_client_create(&config, NULL), PARAMETER);
    /* Nothing is set: no app, no user, no server. */
    REFUSED(rtm_client_create(&config, &client), -10024);
    CHECK(client == 0);

    rtm_config good = config;
    good.server = text(server);
    good.app_id = text(app);
    good.user_id = text("mallory");
    rtm_bytes bad[] = {null_text, no_utf8, endless};
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        config = good, config.server = bad[at];
        REFUSED(rtm_client_create(&config, &client), PARAMETER);
        config = good, config.app_id = bad[at];
        REFUSED(rtm_client_create(&config, &client), PARAMETER);
        config = good, config.user_id = bad[at];
        REFUSED(rtm_client_create(&config, &client), PARAMETER);
        config = good, config.token = bad[at];
        REFUSED(rtm_client_create(&config, &client), PARAMETER);
    }
    config = good, config.size = 4;
    REFUSED(rtm_client_create(&config, &client), PARAMETER);
    config = good, config.size = 0xffffffff;
    REFUSED(rtm_client_create(&config, &client), PARAMETER);
    config = good, config.protocol = 77;
    REFUSED(rtm_client_create(&config, &client), PARAMETER);
    config = good, config.login_timeout_ms = 1;
    REFUSED(rtm_client_create(&config, &client), PARAMETER);
    config = good, config.keep_alive_ms = 0xffffffff;
    REFUSED(rtm_client_create(&config, &client), PARAMETER);
    config = good, config.reconnect_timeout_ms = 1;
    REFUSED(rtm_client_create(&config, &client), PARAMETER);
    config = good, config.server = text("somewhere");
    REFUSED(rtm_client_create(&config, &client), -10024);
    config = good, config.user_id = text("a.b");
    CHECK(rtm_client_create(&config, &client) < 0);
    REFUSED(rtm_version(NULL), PARAMETER);
    REFUSED(rtm_log(99, NULL, NULL), PARAMETER);
    /* A larger struct, of a later version. */
    struct {
        rtm_config known;
        uint64_t later[4];
    } longer = {.known = good};
    longer.known.size = sizeof longer;
    CHECK(rtm_client_create(&longer.known, &client) == RTM_OK);
    CHECK(rtm_client_destroy(client) == RTM_OK);
}

/* All calls on a client that isn't there, or with one bad argument each. */
static void arguments(rtm_client client, int is_live)
{
    uint64_t request = 0;
    uint32_t state;
    rtm_event event = {.size = sizeof event};
    rtm_bytes good = text("town"), bad[] = {null_text, no_utf8, endless};
    rtm_publish_options options = {.size = 1};
    if (!is_live) {
        REFUSED(rtm_client_destroy(client), RELEASED);
        REFUSED(rtm_login(client, none, &request), RELEASED);
        REFUSED(rtm_logout(client, &request), RELEASED);
        REFUSED(rtm_network_changed(client), RELEASED);
        REFUSED(rtm_link_state(client, &state), RELEASED);
        REFUSED(rtm_poll_event(client, 0, &event), RELEASED);
        REFUSED(rtm_subscribe(client, good, &request), RELEASED);
        REFUSED(rtm_unsubscribe(client, good, &request), RELEASED);
        REFUSED(rtm_publish(client, good, good, NULL, &request), RELEASED);
        REFUSED(rtm_channel_join(client, good, none, &request), RELEASED);
        REFUSED(rtm_channel_leave(client, good, &request), RELEASED);
        REFUSED(rtm_topic_join(client, good, good, 0, 0, &request), RELEASED);
        REFUSED(rtm_topic_leave(client, good, good, &request), RELEASED);
        REFUSED(rtm_topic_publish(client, good, good, good, NULL, &request), RELEASED);
        REFUSED(rtm_topic_subscribe(client, good, good, NULL, 0, &request), RELEASED);
        REFUSED(rtm_topic_unsubscribe(client, good, good, &request), RELEASED);
        CHECK(request == 0);
        return;
    }
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        rtm_bytes wrong = bad[at];
        REFUSED(rtm_login(client, wrong, &request), PARAMETER);
        REFUSED(rtm_subscribe(client, wrong, &request), PARAMETER);
        REFUSED(rtm_unsubscribe(client, wrong, &request), PARAMETER);
        REFUSED(rtm_publish(client, wrong, good, NULL, &request), PARAMETER);
        REFUSED(rtm_channel_join(client, wrong, none, &request), PARAMETER);
        REFUSED(rtm_channel_join(client, good, wrong, &request), PARAMETER);
        REFUSED(rtm_channel_leave(client, wrong, &request), PARAMETER);
        REFUSED(rtm_topic_join(client, wrong, good, 0, 0, &request), PARAMETER);
        REFUSED(rtm_topic_join(client, good, wrong, 0, 0, &request), PARAMETER);
        REFUSED(rtm_topic_leave(client, wrong, good, &request), PARAMETER);
        REFUSED(rtm_topic_leave(client, good, wrong, &request), PARAMETER);
        REFUSED(rtm_topic_publish(client, wrong, good, good, NULL, &request), PARAMETER);
        REFUSED(rtm_topic_publish(client, good, wrong, good, NULL, &request), PARAMETER);
        REFUSED(rtm_topic_subscribe(client, wrong, good, NULL, 0, &request), PARAMETER);
        REFUSED(rtm_topic_subscribe(client, good, wrong, NULL, 0, &request), PARAMETER);
        REFUSED(rtm_topic_subscribe(client, good, good, &wrong, 1, &request), PARAMETER);
        REFUSED(rtm_topic_unsubscribe(client, wrong, good, &request), PARAMETER);
        REFUSED(rtm_topic_unsubscribe(client, good, wrong, &request), PARAMETER);
    }
    REFUSED(rtm_publish(client, good, null_text, NULL, &request), PARAMETER);
    REFUSED(rtm_publish(client, good, endless, NULL, &request), PARAMETER);
    REFUSED(rtm_publish(client, good, good, &options, &request), PARAMETER);
    options.size = sizeof options, options.message_type = 9, options.custom_type = none;
    REFUSED(rtm_publish(client, good, good, &options, &request), PARAMETER);
    options.message_type = 0, options.custom_type = no_utf8;
    REFUSED(rtm_topic_publish(client, good, good, good, &options, &request), PARAMETER);
    CHECK(rtm_subscribe(client, none, &request) < 0);
    REFUSED(rtm_topic_join(client, good, none, 0, 0, &request), PARAMETER);
    REFUSED(rtm_topic_join(client, good, good, 5, 0, &request), PARAMETER);
    REFUSED(rtm_topic_join(client, good, good, 0, 5, &request), PARAMETER);
    REFUSED(rtm_topic_subscribe(client, good, good, NULL, 3, &request), PARAMETER);
    REFUSED(rtm_topic_subscribe(client, good, good, &good, 1u << 30, &request), PARAMETER);
    REFUSED(rtm_login(client, none, (uint64_t *)1), PARAMETER);
    REFUSED(rtm_link_state(client, NULL), PARAMETER);
    REFUSED(rtm_poll_event(client, 0, NULL), PARAMETER);
    event.size = 3;
    REFUSED(rtm_poll_event(client, 0, &event), PARAMETER);
    REFUSED(rtm_event_free(NULL), PARAMETER);
    event.size = sizeof event, event.id = 123456789;
    REFUSED(rtm_event_free(&event), RELEASED);
    /* What was refused has no result. */
    CHECK(rtm_poll_event(client, 0, &event) == RTM_NO_EVENT);
    /* Nobody wants to know the number. */
    CHECK(rtm_logout(client, NULL) == RTM_OK);
    /* Not logged in. */
    CHECK(rtm_subscribe(client, good, &request) == RTM_OK);
    event = result_of(client, request, -10002);
    rtm_event copy = event;
    CHECK(rtm_event_free(&event) == RTM_OK && event.kind == 0 && event.text.data == NULL);
    REFUSED(rtm_event_free(&event), RELEASED);
    REFUSED(rtm_event_free(&copy), RELEASED);
}

static void *poll_for_ever(void *client)
{
    rtm_event event = {.size = sizeof event};
    int32_t polled;
    while ((polled = rtm_poll_event(*(rtm_client *)client, -1, &event)) == RTM_OK)
        rtm_event_free(&event);
    return (void *)(intptr_t)polled;
}

static void *destroy(void *client)
{
    return (void *)(intptr_t)rtm_client_destroy(*(rtm_client *)client);
}

/* Destroyed by one thread while others poll, and by three at once. */
static void threads(const char *server, const char *app)
{
    for (int round = 0; round < 20; round++) {
        rtm_client client;
        pthread_t pollers[3], enders[3];
        void *polled, *ended;
        int destroyed = 0;
        CHECK(make(server, app, NULL, NULL, &client) == RTM_OK);
        CHECK(rtm_login(client, none, NULL) == RTM_OK);
        for (int at = 0; at < 3; at++)
            CHECK(pthread_create(&pollers[at], NULL, poll_for_ever, &client) == 0);
        usleep(round * 500);
        for (int at = 0; at < 3; at++)
            CHECK(pthread_create(&enders[at], NULL, destroy, &client) == 0);
        for (int at = 0; at < 3; at++) {
            CHECK(pthread_join(enders[at], &ended) == 0);
            destroyed += (intptr_t)ended == RTM_OK;
            CHECK((intptr_t)ended == RTM_OK || (intptr_t)ended == RELEASED);
            CHECK(pthread_join(pollers[at], &polled) == 0);
            CHECK((intptr_t)polled == RELEASED);
        }
        CHECK(destroyed == 1);
    }
}

static int is_inside, may_leave, calls_after_end, refused;

/* Blocks, and calls what it may not. */
static void bad_wake(rtm_client client, void *is_over)
{
    rtm_client other;
    __atomic_store_n(&is_inside, 1, __ATOMIC_SEQ_CST);
    if (*(volatile int *)is_over) __atomic_add_fetch(&calls_after_end, 1, __ATOMIC_SEQ_CST);
    if (rtm_client_destroy(client) == RTM_ERROR_IN_CALLBACK &&
        make("rtm://127.0.0.1:1?key=00", "x", NULL, NULL, &other) < 0)
        __atomic_add_fetch(&refused, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&may_leave, __ATOMIC_SEQ_CST)) usleep(1000);
    if (*(volatile int *)is_over) __atomic_add_fetch(&calls_after_end, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&is_inside, 0, __ATOMIC_SEQ_CST);
}

static void *let_go(void *nothing)
{
    usleep(100 * 1000);
    CHECK(__atomic_load_n(&is_inside, __ATOMIC_SEQ_CST));
    __atomic_store_n(&may_leave, 1, __ATOMIC_SEQ_CST);
    return nothing;
}

static void callbacks(const char *server, const char *app)
{
    pthread_t other_thread;
    static int is_over;
    rtm_client client, other;
    is_over = 0;
    /* So that the library's threads go on. */
    CHECK(make(server, app, NULL, NULL, &other) == RTM_OK);
    CHECK(make(server, app, bad_wake, &is_over, &client) == RTM_OK);
    CHECK(rtm_login(client, none, NULL) == RTM_OK);
    while (!__atomic_load_n(&is_inside, __ATOMIC_SEQ_CST)) usleep(1000);
    /* Other calls don't wait for it. */
    uint32_t state;
    CHECK(rtm_link_state(client, &state) == RTM_OK);
    CHECK(__atomic_load_n(&is_inside, __ATOMIC_SEQ_CST));
    CHECK(pthread_create(&other_thread, NULL, let_go, NULL) == 0);
    CHECK(rtm_client_destroy(client) == RTM_OK);
    CHECK(!__atomic_load_n(&is_inside, __ATOMIC_SEQ_CST));
    CHECK(pthread_join(other_thread, NULL) == 0);
    *(volatile int *)&is_over = 1;
    usleep(150 * 1000);
    CHECK(calls_after_end == 0 && refused > 0);
    CHECK(rtm_client_destroy(other) == RTM_OK);
}

static void faults(rtm_client client)
{
    uint64_t request;
    REFUSED(rtm_fault(client, 0, NULL), RTM_ERROR_INTERNAL);
    CHECK(rtm_fault(client, 1, &request) == RTM_OK);
    rtm_event event = result_of(client, request, RTM_ERROR_INTERNAL);
    CHECK(rtm_event_free(&event) == RTM_OK);
    CHECK(rtm_fault(client, 2, &request) == RTM_OK);
    event = next_of(client, RTM_EVENT_FAULT);
    CHECK(event.text.len > 20 && rtm_event_free(&event) == RTM_OK);
}

/* More requests than may be unanswered, none of them polled. */
static void flood(const char *server, const char *app)
{
    rtm_client client;
    int taken = 0;
    CHECK(make(server, app, NULL, NULL, &client) == RTM_OK);
    while (taken < 10000 && rtm_logout(client, NULL) == RTM_OK) taken++;
    CHECK(taken == 4096);
    REFUSED(rtm_logout(client, NULL), RTM_ERROR_TOO_MANY);
    rtm_event *events = calloc(4200, sizeof *events);
    int polled = 0;
    for (; polled < 4200; polled++) {
        events[polled].size = sizeof *events;
        if (rtm_poll_event(client, 60000, &events[polled]) != RTM_OK) break;
    }
    CHECK(polled == 4096);
    CHECK(rtm_logout(client, NULL) == RTM_OK);
    REFUSED(rtm_poll_event(client, 1000, &events[polled]), RTM_ERROR_TOO_MANY);
    for (int at = 0; at < polled; at++) CHECK(rtm_event_free(&events[at]) == RTM_OK);
    free(events);
    static uint8_t payload[65536];
    rtm_bytes large = {payload, sizeof payload};
    for (taken = 0; taken < 1000; taken++)
        if (rtm_publish(client, text("lobby"), large, NULL, NULL) != RTM_OK) break;
    CHECK(taken > 0);
    CHECK(rtm_client_destroy(client) == RTM_OK);
}

int main(int argc, char **argv)
{
    rtm_client client;
    CHECK(argc == 3);
    endless.data = (const uint8_t *)argv, endless.len = SIZE_MAX / 2;
    settings(argv[1], argv[2]);
    arguments(0, 0);
    arguments(~(uint64_t)0, 0);
    CHECK(make(argv[1], argv[2], NULL, NULL, &client) == RTM_OK);
    arguments(client, 1);
    faults(client);
    /* It works all the same. */
    uint64_t request;
    CHECK(rtm_login(client, none, &request) == RTM_OK);
    done(client, request);
    CHECK(rtm_client_destroy(client) == RTM_OK);
    arguments(client, 0);
    threads(argv[1], argv[2]);
    callbacks(argv[1], argv[2]);
    flood(argv[1], argv[2]);
    printf("misuse: survived\n");
    return 0;
}
