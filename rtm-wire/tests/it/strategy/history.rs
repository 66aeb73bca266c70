//! Histories.

use proptest::prelude::*;
use rtm_wire::{Bound, GetMessages, Messages, ReplyResult, Request, StoredMessage};

use super::fields::{channel, position, time};
use super::operations::list;
use super::{bytes, number};

pub(super) fn request() -> impl Strategy<Value = Request<'static>> {
    (channel(), any::<bool>(), number(), bound(), bound()).prop_map(
        |(channel, oldest_first, limit, from, to)| {
            GetMessages { channel, oldest_first, limit, from, to }.into()
        },
    )
}

pub(super) fn result() -> impl Strategy<Value = ReplyResult<'static>> {
    let message = bytes(40).prop_map(|event| StoredMessage { event });
    (any::<bool>(), list(message))
        .prop_map(|(has_more, messages)| ReplyResult::Messages(Messages { has_more, messages }))
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        Just(Bound::Open),
        time().prop_map(Bound::Time),
        position().prop_map(Bound::Position),
    ]
}
