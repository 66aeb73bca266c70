//! The fields in which the system is used: in each the roles, and every kind of payload that they
//! send each other, while every twentieth packet is lost.

mod care;
mod classes;
mod roads;
mod trade;
mod work;
mod worlds;

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Command, Target};
use rtm_client::{ChannelEvent, PublishOptions, TopicEvent};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::client::Client;
use super::world::{Lab, link};

const LOSS: f64 = 0.05;
/// What one message of a file carries.
const PIECE: usize = 16 * 1_024;
const EMOJI: &str = "👋🏽🎉 ok";

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A server with the limits of hosted RTM, and these users.
fn lab(users: &[&str]) -> Lab {
    let mut lab = Lab::build(5, link().loss(LOSS), AppLimits::hosted(), Config::server());
    lab.add_users(users);
    lab
}

/// So many users of a kind: `driver0`, `driver1`, and so on.
fn crowd(kind: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{kind}{index}")).collect()
}

fn each(users: &[String]) -> Vec<&str> {
    users.iter().map(String::as_str).collect()
}

/// A file, picture or record: bytes that are no text, and not twice the same.
fn file(len: usize, seed: u32) -> Bytes {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Something of a kind, which the custom type names.
fn a(kind: &str, target: Target, payload: impl AsRef<[u8]>) -> Command {
    let payload = Bytes::copy_from_slice(payload.as_ref());
    let is_text = std::str::from_utf8(&payload).is_ok();
    let options = if is_text { PublishOptions::text() } else { PublishOptions::new() };
    Command::Publish { target, payload, options: options.custom_type(kind) }
}

/// The same, to be kept.
fn kept(kind: &str, target: Target, payload: impl AsRef<[u8]>) -> Command {
    match a(kind, target, payload) {
        Command::Publish { target, payload, options } => {
            let options = options.store_in_history(true);
            Command::Publish { target, payload, options }
        }
        other => other,
    }
}

/// Sends a file in pieces, each after the former has been answered.
fn send_file(lab: &mut Lab, user: &str, target: &Target, file: &[u8]) {
    for piece in file.chunks(PIECE) {
        lab.call(user, a("file", target.clone(), piece)).unwrap();
    }
}

/// Who said what of a kind, as a subscription or inbox got it. Nothing is missing in between.
fn got(client: &Client, handle: u64, kind: &str) -> Vec<(String, Bytes)> {
    let events = client.channels.iter().filter(|(to, _)| to.0 == handle);
    let message = |event: &ChannelEvent| match event {
        ChannelEvent::Message(it) => {
            (&*it.custom_type == kind).then(|| (it.publisher.to_string(), it.payload.clone()))
        }
        other => panic!("{other:?}"),
    };
    events.filter_map(|(_, event)| message(event)).collect()
}

/// The same of a topic.
fn got_topic(client: &Client, handle: u64, kind: &str) -> Vec<(String, Bytes)> {
    let events = client.topics.iter().filter(|(to, _)| to.0 == handle);
    let message = |event: &TopicEvent| match event {
        TopicEvent::Message(it) => {
            (&*it.custom_type == kind).then(|| (it.publisher.to_string(), it.payload.clone()))
        }
        other => panic!("{other:?}"),
    };
    events.filter_map(|(_, event)| message(event)).collect()
}

/// What was said, without who said it.
fn said(got: &[(String, Bytes)]) -> Vec<String> {
    got.iter().map(|(_, payload)| String::from_utf8_lossy(payload).into_owned()).collect()
}

/// A file, from its pieces.
fn whole(pieces: &[(String, Bytes)]) -> Vec<u8> {
    pieces.iter().flat_map(|(_, piece)| piece.to_vec()).collect()
}

/// The last thing that a user has said.
fn last_of(got: &[(String, Bytes)], user: &str) -> Option<String> {
    let of_user: Vec<_> = got.iter().filter(|(by, _)| by == user).cloned().collect();
    said(&of_user).pop()
}
