//! An owner and a subscriber of the channel "lobby", without a network between them.
//!
//! `cargo run -p rtm-channel --example lobby`

use rtm_channel::{
    AppId, ChannelKey, ChannelName, Identity, Limits, MessageAuthority, MessageView, PublishLog,
    SubscriberId, UserId, Verdict,
};
use rtm_wire::{
    ChannelKind, Epoch, Event, MessageType, OperationId, Publish, PublishFlags, Sequence,
    SessionInstance, SubscribeOptions, UnixTime,
};

type Failure = Box<dyn std::error::Error>;

/// The owner's side: one channel, and what was published not long ago.
struct Owner {
    channel: MessageAuthority,
    key: ChannelKey,
    log: PublishLog<rtm_wire::Published>,
}

fn main() -> Result<(), Failure> {
    let (app, name) = (AppId::new("demo")?, ChannelName::new("lobby")?);
    let key = ChannelKey { app, kind: ChannelKind::Message, name };
    let channel = MessageAuthority::new(key.clone(), Epoch(1), Sequence(0), &Limits::hosted());
    let mut owner = Owner { channel, key, log: PublishLog::new() };
    let alice = Identity { user: UserId::new("alice")?, instance: SessionInstance(1) };
    let bob = Identity { user: UserId::new("bob")?, instance: SessionInstance(2) };

    println!("Bob subscribes.");
    let mut view = MessageView::default();
    view.subscribe(SubscribeOptions::default())?;
    let position =
        owner.channel.subscribe(SubscriberId(1), bob.clone(), SubscribeOptions::default())?;
    view.on_subscribed(position);

    println!("Alice publishes, and asks again as she has had no answer.");
    let first = owner.publish(&alice, OperationId(1), "hello")?;
    arrive(&mut view, &first)?;
    owner.publish(&alice, OperationId(1), "hello")?;

    println!("Bob's session is lost; Alice publishes twice.");
    view.on_disconnected();
    owner.channel.remove(SubscriberId(1));
    owner.publish(&alice, OperationId(2), "are you there?")?;
    owner.publish(&alice, OperationId(3), "bob?")?;

    println!("Bob is back.");
    let (options, _) = view.resubscribe().ok_or("nothing to subscribe again")?;
    let position = owner.channel.subscribe(SubscriberId(2), bob, options)?;
    for gap in view.on_subscribed(position) {
        println!("  bob: {:?} messages are missing after {}", gap.count(), gap.after.sequence);
    }
    let last = owner.publish(&alice, OperationId(4), "welcome back")?;
    arrive(&mut view, &last)?;
    arrive(&mut view, &last)?;
    Ok(())
}

impl Owner {
    /// Publishes, unless this operation was carried out before; the event, if there is one.
    fn publish(
        &mut self,
        who: &Identity,
        operation: OperationId,
        text: &str,
    ) -> Result<Vec<u8>, Failure> {
        if let Some(published) = self.log.find(who, operation) {
            println!("  owner: that was {} already", published.position.sequence);
            return Ok(Vec::new());
        }
        let publish = Publish {
            channel: self.key.as_ref(),
            flags: PublishFlags::default(),
            message_type: MessageType::String,
            custom_type: "",
            payload: text.as_bytes(),
        };
        let time = UnixTime::from_millis(0);
        let (published, fanout) = self.channel.publish(time, &who.user, &publish);
        self.log.insert(who, operation, published, false);
        println!("  owner: {} goes to {:?}", published.position.sequence, fanout.to);
        Ok(fanout.event.to_vec())
    }
}

/// An event reaches Bob.
fn arrive(view: &mut MessageView, event: &[u8]) -> Result<(), Failure> {
    let Event::Message(message) = Event::decode(event)? else { return Err("no message".into()) };
    let text = String::from_utf8_lossy(message.payload);
    match view.on_message(message.position) {
        Verdict::Deliver => println!("  bob: {} says {text:?}", message.publisher),
        Verdict::DeliverAfter(gap) => println!("  bob: {gap:?}, then {text:?}"),
        Verdict::Repeat => println!("  bob: {text:?} was here before"),
        Verdict::Unwanted => println!("  bob: does not want {text:?}"),
    }
    Ok(())
}
