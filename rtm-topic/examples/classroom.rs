//! A lesson in the stream channel "class": the owner, and a pupil who listens, without a network
//! between them.
//!
//! `cargo run -p rtm-topic --example classroom`

use rtm_channel::{AppId, ChannelKey, ChannelName, Identity, Limits, SubscriberId, UserId};
use rtm_topic::{StreamAuthority, StreamView, TopicLimits, TopicName};
use rtm_wire::{
    ChannelKind, Delivery, Epoch, Event, JoinTopic, List, MessageType, PublishTopic, Qos, Sequence,
    SessionInstance, SubscribeOptions, Time, TopicUsers, UnixTime,
};

type Failure = Box<dyn std::error::Error>;

const TEACHER: SubscriberId = SubscriberId(1);

fn main() -> Result<(), Failure> {
    let (app, name) = (AppId::new("demo")?, ChannelName::new("class")?);
    let key = ChannelKey { app, kind: ChannelKind::Stream, name };
    let (limits, topic_limits) = (Limits::hosted(), TopicLimits::hosted());
    let mut owner = StreamAuthority::new(key, Epoch(1), Sequence(0), &limits, topic_limits);
    let mut pupil = StreamView::new(&topic_limits);
    let slides = TopicName::new("slides")?;

    println!("The teacher joins and publishes in two topics.");
    owner.join(TEACHER, identity("teacher")?, SubscribeOptions::default())?;
    open(&mut owner, "slides", Qos::Ordered)?;
    open(&mut owner, "pointer", Qos::Unordered)?;

    println!("The pupil joins, and subscribes to all who publish in \"slides\".");
    pupil.join(SubscribeOptions::default())?;
    join(&mut owner, &mut pupil, SubscriberId(2))?;
    subscribe(&mut owner, &mut pupil, SubscriberId(2), &slides)?;
    publish(&mut owner, &mut pupil, "slides", "slide 1")?;
    publish(&mut owner, &mut pupil, "pointer", "left")?;

    println!("The pupil's session is lost; the lesson goes on.");
    pupil.on_disconnected();
    owner.remove(SubscriberId(2));
    publish(&mut owner, &mut pupil, "slides", "slide 2")?;
    publish(&mut owner, &mut pupil, "slides", "slide 3")?;

    println!("The pupil is back.");
    pupil.rejoin().ok_or("nothing to join again")?;
    join(&mut owner, &mut pupil, SubscriberId(3))?;
    let lost: Vec<_> = pupil.subscriptions().map(|(topic, ..)| topic.clone()).collect();
    for topic in &lost {
        subscribe(&mut owner, &mut pupil, SubscriberId(3), topic)?;
    }
    publish(&mut owner, &mut pupil, "slides", "slide 4")?;

    println!("The teacher leaves.");
    for news in owner.leave(TEACHER)? {
        let Event::Topic(event) = Event::decode(&news.event)? else { continue };
        pupil.on_topic_event(&event);
        println!("  pupil: {} left {} after {}", event.publisher, event.topic, event.last);
    }
    println!("  pupil: {} publishers are left", pupil.topics().count());
    Ok(())
}

fn identity(user: &str) -> Result<Identity, Failure> {
    Ok(Identity { user: UserId::new(user)?, instance: SessionInstance(1) })
}

fn open(owner: &mut StreamAuthority, topic: &str, qos: Qos) -> Result<(), Failure> {
    let delivery = Delivery { qos, ..Delivery::default() };
    let join = JoinTopic { channel: "class", topic, delivery, meta: b"" };
    owner.join_topic(Time::ZERO, TEACHER, &join)?;
    Ok(())
}

fn join(
    owner: &mut StreamAuthority,
    pupil: &mut StreamView,
    session: SubscriberId,
) -> Result<(), Failure> {
    let topics = owner.join(session, identity("pupil")?, SubscribeOptions::default())?;
    for missed in pupil.on_joined(topics.position, List::Slice(&topics.publishers())) {
        let (after, before) = (missed.after, missed.before);
        println!(
            "  pupil: missed {} of {} after {after}, before {before:?}",
            missed.topic, missed.user
        );
    }
    Ok(())
}

fn subscribe(
    owner: &mut StreamAuthority,
    pupil: &mut StreamView,
    session: SubscriberId,
    topic: &TopicName,
) -> Result<(), Failure> {
    pupil.subscribe_topic(topic, &[])?;
    let outcome = owner.subscribe_topic(session, topic.as_str(), List::Slice(&[]))?;
    let heard = outcome.heard_users();
    let users = TopicUsers { succeeded: List::Slice(&heard), failed: List::Slice(&[]) };
    let missed = pupil.on_topic_subscribed(topic, true, &users);
    let names: Vec<_> = heard.iter().map(|heard| heard.user).collect();
    println!("  pupil: hears {names:?} in {topic}, missed {missed:?}");
    Ok(())
}

fn publish(
    owner: &mut StreamAuthority,
    pupil: &mut StreamView,
    topic: &str,
    text: &str,
) -> Result<(), Failure> {
    let (message_type, payload) = (MessageType::String, text.as_bytes());
    let message = PublishTopic { channel: "class", topic, message_type, custom_type: "", payload };
    let (_, _, fanout) =
        owner.publish_topic(Time::ZERO, UnixTime::from_millis(0), TEACHER, &message)?;
    println!("  owner: {text:?} goes to {:?}", fanout.to);
    let Event::TopicMessage(event) = Event::decode(&fanout.event)? else { return Ok(()) };
    if !fanout.to.is_empty() {
        println!("  pupil: {text:?}: {:?}", pupil.on_topic_message(&event));
    }
    Ok(())
}
