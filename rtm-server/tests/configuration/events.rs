//! All events of a client in one stream.

use rtm_client::{
    ChannelEvent, ClientEvent, JoinOptions, MergedEvents, MetadataItem, MetadataOptions,
    PublishOptions, Publishers, RtmEvent, StreamEvent, SubscribeOptions, TopicEvent, TopicOptions,
    UserMetadataEvent,
};

use super::lab::{Lab, log_in};

/// In a few words, what matters of an event; none of the others.
fn words(event: &RtmEvent) -> Option<String> {
    Some(match event {
        RtmEvent::Channel { channel, event: ChannelEvent::Message(it) } => {
            format!("{channel}: {}", String::from_utf8_lossy(&it.payload))
        }
        RtmEvent::Inbox(ChannelEvent::Message(it)) => {
            format!("inbox: {}", String::from_utf8_lossy(&it.payload))
        }
        RtmEvent::Stream { channel, event: StreamEvent::PublisherJoined(it) } => {
            format!("{channel}: {} in {}", it.publisher, it.topic)
        }
        RtmEvent::Topic { channel, topic, event: TopicEvent::Message(it) } => {
            format!("{channel}/{topic}: {}", String::from_utf8_lossy(&it.payload))
        }
        RtmEvent::UserMetadata { user, event: UserMetadataEvent::Storage(it) } => {
            let keys: Vec<_> = it.items.iter().map(|item| item.key.as_str()).collect();
            format!("{user} has {}", keys.join(" "))
        }
        RtmEvent::Client(ClientEvent::LinkState(it)) => format!("{:?}", it.current),
        _ => return None,
    })
}

async fn until(events: &mut MergedEvents, expected: &str) {
    while let Some(event) = events.recv().await {
        if words(&event).as_deref() == Some(expected) {
            return;
        }
    }
    panic!("{expected:?} never came");
}

#[tokio::test]
async fn channels_and_publishers_know_their_names_and_the_link_says_when() {
    let lab = Lab::new();
    let client = lab.builder("alice").build().unwrap();
    let mut events = client.events();
    client.login().await.unwrap();
    assert_eq!(client.message_channel("lobby").unwrap().name(), "lobby");
    let town = client.stream_channel("town").unwrap();
    assert_eq!(town.name(), "town");
    let options = JoinOptions::new().token(lab.token("alice"));
    let membership = town.join(options).await.unwrap();
    let publisher = town.join_topic("news", TopicOptions::new()).await.unwrap();
    assert_eq!(publisher.topic(), "news");
    drop(membership);
    client.logout().await.unwrap();
    let mut times = Vec::new();
    while times.len() < 3 {
        if let ClientEvent::LinkState(event) = events.recv().await.unwrap() {
            times.push(event.time_ms);
        }
    }
    // Milliseconds since 1970, of this century, and one after the other.
    assert!(times[0] > 1_700_000_000_000 && times.is_sorted(), "{times:?}");
    lab.end().await;
}

#[tokio::test]
async fn one_stream_gives_the_events_of_the_client_and_of_all_its_subscriptions() {
    let lab = Lab::new();
    let alice = log_in(lab.builder("alice")).await;
    let bob = lab.builder("bob").build().unwrap();
    let mut events = bob.merged_events();
    bob.login().await.unwrap();
    until(&mut events, "Connected").await;
    for name in ["lobby", "garden"] {
        let channel = bob.message_channel(name).unwrap();
        events.add(channel.subscribe(SubscribeOptions::new()).await.unwrap());
    }
    events.add(bob.inbox().await.unwrap());
    events.add(bob.storage().subscribe_user_metadata("alice").await.unwrap());
    let mut joined = Vec::new();
    for (client, user) in [(&alice, "alice"), (&bob, "bob")] {
        let channel = client.stream_channel("town").unwrap();
        let options = JoinOptions::new().token(lab.token(user));
        joined.push((channel.join(options).await.unwrap(), channel));
    }
    let (of_bob, town) = joined.pop().unwrap();
    let (_of_alice, town_of_alice) = joined.pop().unwrap();
    events.add(of_bob);
    events.add(town.subscribe_topic("news", Publishers::All).await.unwrap());

    let text = PublishOptions::text;
    for name in ["garden", "lobby", "garden"] {
        let channel = alice.message_channel(name).unwrap();
        channel.publish("hello", text()).await.unwrap();
        until(&mut events, &format!("message channel {name}: hello")).await;
    }
    alice.user("bob").unwrap().publish("psst", text()).await.unwrap();
    until(&mut events, "inbox: psst").await;
    let news = town_of_alice.join_topic("news", TopicOptions::new()).await.unwrap();
    until(&mut events, "stream channel town: alice in news").await;
    news.publish("flash", text()).await.unwrap();
    until(&mut events, "stream channel town/news: flash").await;
    let item = [MetadataItem::new("mood", "well")];
    alice.storage().set_user_metadata(None, item, MetadataOptions::new()).await.unwrap();
    until(&mut events, "alice has mood").await;

    // A subscription that ends leaves the others alone.
    bob.message_channel("lobby").unwrap().unsubscribe().await.unwrap();
    alice.message_channel("garden").unwrap().publish("still here", text()).await.unwrap();
    until(&mut events, "message channel garden: still here").await;
    bob.logout().await.unwrap();
    until(&mut events, "Idle").await;
    // Only the client's own events are left, and end with it; the inbox stays open till then.
    drop(bob);
    drop(town);
    drop(events);
    alice.logout().await.unwrap();
    lab.end().await;
}

#[tokio::test]
async fn a_busy_subscription_does_not_starve_the_others() {
    let lab = Lab::with_settings("preset = \"open\"");
    let alice = log_in(lab.builder("alice")).await;
    let bob = log_in(lab.builder("bob")).await;
    let mut events = bob.merged_events();
    let busy = alice.message_channel("busy").unwrap();
    let calm = alice.message_channel("calm").unwrap();
    for name in ["busy", "calm"] {
        let channel = bob.message_channel(name).unwrap();
        let options = SubscribeOptions::new().presence(false);
        events.add(channel.subscribe(options).await.unwrap());
    }
    let mut answers = Vec::new();
    for _ in 0..1_000 {
        answers.push(busy.send("x", PublishOptions::text()).await.unwrap());
    }
    calm.publish("y", PublishOptions::text()).await.unwrap();
    for answer in answers {
        answer.await.unwrap();
    }
    // All of them wait; they take turns.
    let mut before = 0;
    while let Some(event) = events.recv().await {
        match words(&event) {
            Some(it) if it.ends_with(": y") => break,
            _ => before += 1,
        }
    }
    assert!(before < 500, "{before}");
    lab.end().await;
}

#[tokio::test]
async fn a_token_that_ends_soon_is_told_of_and_renewed() {
    let lab = Lab::new();
    let bob = lab.builder("bob").build().unwrap();
    let mut events = bob.events();
    bob.login_with_token(lab.token_for("bob", 20)).await.unwrap();
    let left = loop {
        if let ClientEvent::Token(event) = events.recv().await.unwrap() {
            break event.time_left;
        }
    };
    assert!((10..=20).contains(&left.as_secs()), "{left:?}");
    let refused = bob.renew_token(lab.token("alice")).await.unwrap_err();
    assert_eq!(refused.code(), -10_005);
    bob.renew_token(lab.token("bob")).await.unwrap();
    let town = bob.stream_channel("town").unwrap();
    assert!(town.renew_token(lab.token("bob")).await.is_err(), "it isn't joined");
    let joined = town.join(JoinOptions::new().token(lab.token("bob"))).await.unwrap();
    town.renew_token(lab.token("bob")).await.unwrap();
    drop(joined);
    bob.logout().await.unwrap();
    lab.end().await;
}
