//! What the handshake carries.

use proptest::prelude::*;
use rtm_wire::{Accepted, EarlyMessages, Hello, Resumption, TransportParams, Welcome, limits};

use super::fields::cipher;
use super::packets::{connection_id, reset_token};
use super::{bytes, number};

pub(crate) fn hello() -> impl Strategy<Value = Hello<'static>> {
    let offers = || bytes(limits::OFFERS);
    (offers(), offers(), number(), params(), bytes(300), 0..100_usize).prop_map(
        |(versions, ciphers, features, params, login, padding)| Hello {
            versions,
            ciphers,
            features,
            params,
            login,
            padding,
        },
    )
}

pub(crate) fn resumption() -> impl Strategy<Value = Resumption<'static>> {
    let messages = proptest::collection::vec(bytes(40), 0..=limits::EARLY_MESSAGES);
    (number(), messages).prop_map(|(age_ms, messages)| {
        let early = EarlyMessages::encode(messages, Box::leak(Box::default()));
        Resumption { age_ms, early }
    })
}

pub(crate) fn welcome() -> impl Strategy<Value = Welcome<'static>> {
    let outcome = prop_oneof![accepted().prop_map(Ok), (1..=u32::MAX).prop_map(Err)];
    (outcome, bytes(300)).prop_map(|(outcome, answer)| Welcome { outcome, answer })
}

fn accepted() -> impl Strategy<Value = Accepted> {
    (any::<u8>(), cipher(), number(), connection_id(), reset_token(), params()).prop_map(
        |(version, cipher, features, server_cid, reset_token, params)| Accepted {
            version,
            cipher,
            features,
            server_cid,
            reset_token,
            params,
        },
    )
}

fn params() -> impl Strategy<Value = TransportParams> {
    (number(), number(), number(), number(), number()).prop_map(
        |(lanes, lane_credit, message_len, idle_timeout_ms, ack_delay_us)| TransportParams {
            lanes,
            lane_credit,
            message_len,
            idle_timeout_ms,
            ack_delay_us,
        },
    )
}
