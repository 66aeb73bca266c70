//! Messages that are sealed from end to end.

use rtm_client::{
    ChannelEvent, ClientBuilder, Encryption, EncryptionMode, ErrorKind, JoinOptions,
    MessageSubscription, PublishOptions, Publishers, SubscribeOptions, TopicEvent, TopicOptions,
};

use super::lab::{Lab, log_in, refused};

const MODES: [EncryptionMode; 2] = [EncryptionMode::Aes128Gcm, EncryptionMode::Aes256Gcm];

fn sealing(builder: ClientBuilder, mode: EncryptionMode, key: u8) -> ClientBuilder {
    builder.encryption(Encryption::new(mode, [key; 32], [9; 32]))
}

/// The next message, or what can't be opened.
async fn next(subscription: &mut MessageSubscription) -> Result<Vec<u8>, Vec<u8>> {
    loop {
        match subscription.recv().await {
            Some(ChannelEvent::Message(it)) => return Ok(it.payload.to_vec()),
            Some(ChannelEvent::Undecryptable(it)) => return Err(it.payload.to_vec()),
            Some(ChannelEvent::Presence(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn only_who_has_the_key_reads_messages_of_all_kinds_of_channels() {
    let lab = Lab::new();
    for mode in MODES {
        let alice = log_in(sealing(lab.builder("alice"), mode, 1)).await;
        let bob = log_in(sealing(lab.builder("bob"), mode, 1)).await;
        let other_key = log_in(sealing(lab.builder("carol"), mode, 2)).await;
        let no_key = log_in(lab.builder("dave")).await;
        let options = SubscribeOptions::new();
        let mut heard = Vec::new();
        for client in [&bob, &other_key, &no_key] {
            let lobby = client.message_channel("lobby").unwrap();
            heard.push(lobby.subscribe(options).await.unwrap());
        }
        let mut inbox = bob.inbox().await.unwrap();

        let lobby = alice.message_channel("lobby").unwrap();
        let with = || PublishOptions::text().custom_type("greeting");
        lobby.publish("hello", with()).await.unwrap();
        assert_eq!(next(&mut heard[0]).await.unwrap(), b"hello");
        let unread = next(&mut heard[1]).await.unwrap_err();
        assert_eq!(unread.len(), "hello".len() + 33);
        // Whoever seals nothing gets what the server saw.
        let seen = next(&mut heard[2]).await.unwrap();
        assert_eq!(seen.len(), unread.len());
        assert!(!seen.windows(5).any(|part| part == b"hello"), "the server can't read it");

        alice.user("bob").unwrap().publish("psst", with()).await.unwrap();
        assert_eq!(next(&mut inbox).await.unwrap(), b"psst");

        // What isn't sealed is not taken for a message by who seals.
        no_key.message_channel("lobby").unwrap().publish("forged", with()).await.unwrap();
        assert_eq!(next(&mut heard[0]).await.unwrap_err(), b"forged");
        for client in [alice, bob, other_key, no_key] {
            client.logout().await.unwrap();
        }
    }
    lab.end().await;
}

#[tokio::test]
async fn topics_are_sealed_too_and_33_bytes_count_for_their_limit() {
    let lab = Lab::new();
    let mode = EncryptionMode::Aes256Gcm;
    let alice = log_in(sealing(lab.builder("alice"), mode, 1)).await;
    let bob = log_in(sealing(lab.builder("bob"), mode, 1)).await;
    let mut town = Vec::new();
    let mut events = Vec::new();
    for (client, user) in [(&alice, "alice"), (&bob, "bob")] {
        let channel = client.stream_channel("town").unwrap();
        let options = JoinOptions::new().token(lab.token(user));
        events.push(channel.join(options).await.unwrap());
        town.push(channel);
    }
    let publisher = town[0].join_topic("news", TopicOptions::new()).await.unwrap();
    let mut news = town[1].subscribe_topic("news", Publishers::All).await.unwrap();
    let longest = vec![7; 1_024 - 33];
    publisher.publish(longest.clone(), PublishOptions::new()).await.unwrap();
    match news.recv().await {
        Some(TopicEvent::Message(it)) => assert_eq!(it.payload, longest),
        other => panic!("{other:?}"),
    }
    let error = publisher.publish(vec![7; 1_024 - 32], PublishOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    for client in [alice, bob] {
        client.logout().await.unwrap();
    }
    lab.end().await;
}

#[tokio::test]
async fn a_key_has_1_to_256_bytes_and_a_salt_32() {
    let lab = Lab::new();
    let with = |key: usize, salt: usize| {
        let encryption = Encryption::new(MODES[0], vec![1; key], vec![2; salt]);
        lab.builder("alice").encryption(encryption)
    };
    for key in [1, 256] {
        log_in(with(key, 32)).await.logout().await.unwrap();
    }
    for (key, salt) in [(0, 32), (257, 32), (32, 31), (32, 33)] {
        refused(with(key, salt), ErrorKind::InvalidEncryption, -10_020);
    }
    lab.end().await;
}
