//! Who the client is.

use rtm_client::{ChannelEvent, ClientEvent, ErrorKind, RtmClient, SubscribeOptions, TokenChange};
use rtm_token::{Permission, Service, resource, right};

use super::lab::{Lab, log_in, refused};

#[tokio::test]
async fn an_app_id_has_32_digits_and_another_app_is_not_served() {
    let lab = Lab::new();
    assert_eq!(lab.app_id().len(), 32);
    log_in(lab.builder("alice")).await.logout().await.unwrap();
    // One digit less, one more, and one that is none: the server knows no such app.
    let [less, more, other] = [
        lab.app_id()[1..].to_owned(),
        format!("{}0", lab.app_id()),
        format!("{}x", &lab.app_id()[1..]),
    ];
    for app_id in [less, more, other] {
        let builder = RtmClient::builder(app_id, "alice").server(lab.address.clone());
        let client = builder.token(lab.token("alice")).build().unwrap();
        let error = client.login().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::UnknownApp, -10_003));
    }
    lab.end().await;
}

#[tokio::test]
async fn a_user_id_has_64_characters_at_most() {
    let lab = Lab::new();
    let longest = "x".repeat(64);
    log_in(lab.builder(&longest)).await.logout().await.unwrap();
    refused(lab.builder(&"x".repeat(65)), ErrorKind::InvalidUserId, -10_006);
    refused(lab.builder(""), ErrorKind::InvalidUserId, -10_006);
    lab.end().await;
}

#[tokio::test]
async fn without_string_user_ids_they_are_numbers() {
    let lab = Lab::new();
    for user in ["1", "4294967295"] {
        log_in(lab.builder(user).use_string_user_id(false)).await.logout().await.unwrap();
    }
    for user in ["0", "4294967296", "alice"] {
        let builder = lab.builder(user).use_string_user_id(false);
        refused(builder, ErrorKind::InvalidUserId, -10_006);
    }
    log_in(lab.builder("alice").use_string_user_id(true)).await.logout().await.unwrap();
    lab.end().await;
}

#[tokio::test]
async fn rights_that_go_are_told_with_their_channels_the_reason_and_the_time() {
    let lab = Lab::new();
    let token = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let read = Permission { resource: resource::MESSAGE_CHANNELS, right: right::READ, names };
        lab.token_with(vec![Service::rtm2("alice", 600, vec![read])], 600)
    };
    let client = lab.builder("alice").build().unwrap();
    client.login_with_token(token(&["a", "b"])).await.unwrap();
    let mut events = client.events();
    let a = client.message_channel("a").unwrap();
    let mut subscribed = a.subscribe(SubscribeOptions::new()).await.unwrap();
    client.renew_token(token(&["b"])).await.unwrap();
    let event = loop {
        if let Some(ClientEvent::Token(event)) = events.recv().await {
            break event;
        }
    };
    assert_eq!(event.change, TokenChange::ReadPermissionRevoked);
    let channels: Vec<_> = event.channels.iter().map(ToString::to_string).collect();
    assert_eq!(channels, ["message channel a"]);
    assert_eq!(event.error.map(|error| error.code()), Some(-11_038));
    // Milliseconds since 1970.
    assert!(event.time_ms > 1_700_000_000_000, "{}", event.time_ms);
    let ended = loop {
        match subscribed.recv().await {
            Some(ChannelEvent::Ended(error)) => break error,
            Some(_) => {}
            None => panic!("it ended without a word"),
        }
    };
    assert_eq!((ended.code(), ended.kind()), (-11_038, ErrorKind::PermissionDenied));
    assert!(subscribed.recv().await.is_none());
    lab.end().await;
}

#[test]
fn the_library_knows_its_version() {
    let numbers: Vec<u32> =
        rtm_client::version().split('.').map(|it| it.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 3);
    assert_eq!(rtm_client::version(), env!("CARGO_PKG_VERSION"), "one version for all crates");
}
