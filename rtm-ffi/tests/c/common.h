/* What both programs need. */

#ifndef COMMON_H
#define COMMON_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RTM_FAULT_INJECTION
#include "rtm.h"

/* Ends the program with the line, and what the library says. */
#define CHECK(condition)                                                                            \
    do {                                                                                            \
        if (!(condition)) {                                                                         \
            char said[1024];                                                                        \
            size_t said_len = 0;                                                                    \
            rtm_last_error((uint8_t *)said, sizeof said, &said_len);                                \
            if (said_len > sizeof said) said_len = sizeof said;                                     \
            fprintf(stderr, "%s:%d: %s\nlast error: %.*s\n", __FILE__, __LINE__, #condition,        \
                    (int)said_len, said);                                                           \
            exit(1);                                                                                \
        }                                                                                           \
    } while (0)

static inline rtm_bytes text(const char *text)
{
    rtm_bytes bytes = {(const uint8_t *)text, strlen(text)};
    return bytes;
}

static inline int is(rtm_bytes bytes, const char *expected)
{
    return bytes.len == strlen(expected) && memcmp(bytes.data, expected, bytes.len) == 0;
}

/* The next event of this kind; others are freed. The minute is for machines that are busy. */
static inline rtm_event next_of(rtm_client client, uint32_t kind)
{
    for (int tries = 0; tries < 1000; tries++) {
        rtm_event event = {.size = sizeof event};
        int32_t polled = rtm_poll_event(client, 60000, &event);
        CHECK(polled == RTM_OK);
        if (event.kind == kind) return event;
        CHECK(rtm_event_free(&event) == RTM_OK);
    }
    CHECK(!"such an event");
    abort();
}

/* The result of a request, which has to be this. */
static inline rtm_event result_of(rtm_client client, uint64_t request, int32_t error)
{
    for (;;) {
        rtm_event event = next_of(client, RTM_EVENT_RESULT);
        if (event.request == request) {
            if (event.error != error)
                fprintf(stderr, "error %d: %.*s\n", event.error, (int)event.text.len,
                        (const char *)event.text.data);
            CHECK(event.error == error);
            return event;
        }
        CHECK(rtm_event_free(&event) == RTM_OK);
    }
}

static inline void done(rtm_client client, uint64_t request)
{
    rtm_event event = result_of(client, request, RTM_OK);
    CHECK(rtm_event_free(&event) == RTM_OK);
}

#endif
