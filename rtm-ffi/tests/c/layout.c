/* Sizes and offsets as a C compiler sees them, in the words of abi/layout-*.txt. */

#include <stddef.h>
#include <stdio.h>

#include "rtm.h"

#define TYPE(name, type) printf("%s size %zu align %zu\n", name, sizeof(type), _Alignof(type))
#define FIELD(type, field) printf("  %s %zu\n", #field, offsetof(type, field))

int main(void)
{
    TYPE("RtmBytes", rtm_bytes);
    FIELD(rtm_bytes, data);
    FIELD(rtm_bytes, len);
    TYPE("RtmConfig", rtm_config);
    FIELD(rtm_config, size);
    FIELD(rtm_config, protocol);
    FIELD(rtm_config, app_id);
    FIELD(rtm_config, user_id);
    FIELD(rtm_config, server);
    FIELD(rtm_config, token);
    FIELD(rtm_config, login_timeout_ms);
    FIELD(rtm_config, reconnect_timeout_ms);
    FIELD(rtm_config, keep_alive_ms);
    FIELD(rtm_config, reserved);
    FIELD(rtm_config, wake);
    FIELD(rtm_config, wake_context);
    TYPE("RtmPublishOptions", rtm_publish_options);
    FIELD(rtm_publish_options, size);
    FIELD(rtm_publish_options, message_type);
    FIELD(rtm_publish_options, custom_type);
    TYPE("RtmEvent", rtm_event);
    FIELD(rtm_event, size);
    FIELD(rtm_event, kind);
    FIELD(rtm_event, id);
    FIELD(rtm_event, request);
    FIELD(rtm_event, error);
    FIELD(rtm_event, operation);
    FIELD(rtm_event, channel_type);
    FIELD(rtm_event, message_type);
    FIELD(rtm_event, link_state);
    FIELD(rtm_event, link_previous);
    FIELD(rtm_event, link_reason);
    FIELD(rtm_event, flags);
    FIELD(rtm_event, epoch);
    FIELD(rtm_event, sequence);
    FIELD(rtm_event, publication);
    FIELD(rtm_event, time_ms);
    FIELD(rtm_event, count);
    FIELD(rtm_event, channel);
    FIELD(rtm_event, topic);
    FIELD(rtm_event, publisher);
    FIELD(rtm_event, custom_type);
    FIELD(rtm_event, payload);
    FIELD(rtm_event, text);
    return 0;
}
