//! Messages from servers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::{ReplyResult, ServerOperation};
use rtm_wire_fuzz::written_as;

fuzz_target!(|data: &[u8]| {
    let Ok(operation) = ServerOperation::decode(data) else { return };
    written_as(&operation, data);
    let ServerOperation::Reply(reply) = operation else { return };
    match reply.result {
        ReplyResult::Joined { publishers, .. } => {
            assert_eq!(publishers.iter().count(), publishers.len());
        }
        ReplyResult::TopicUsers(users) => {
            assert_eq!(users.succeeded.iter().count(), users.succeeded.len());
            assert_eq!(users.failed.iter().count(), users.failed.len());
        }
        _ => (),
    }
});
