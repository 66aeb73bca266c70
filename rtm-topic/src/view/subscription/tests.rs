//! Subscriptions that are lost, restored, refused and ended, and what a view keeps of them.

use rtm_wire::{
    Epoch, FailedUser, MessageType, Priority, Publisher, SubscribeOptions, TopicChange, TopicEvent,
    TopicMessageEvent, UnixTime,
};

use super::*;
use crate::name::TopicName;
use crate::view::{StreamView, TopicMissed};

fn topic() -> TopicName {
    TopicName::new("t").expect("a name")
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a name")
}

fn at(sequence: u64) -> Position {
    Position { epoch: Epoch(1), sequence: Sequence(sequence) }
}

/// A publication of `user`: its number and last message.
fn publisher(user: &str, number: u64, last: u64) -> Publisher<'_> {
    Publisher {
        topic: "t",
        user,
        publication: Sequence(number),
        last: Sequence(last),
        qos: Qos::Ordered,
        priority: Priority::Normal,
        meta: b"",
    }
}

fn join(view: &mut StreamView, position: u64, publishers: &[Publisher<'_>]) -> Vec<TopicMissed> {
    if view.rejoin().is_none() {
        view.join(SubscribeOptions::default()).expect("not a member");
    }
    view.on_joined(at(position), List::Slice(publishers))
}

/// A member who sees these publishers.
fn member(position: u64, publishers: &[Publisher<'_>]) -> StreamView {
    let mut view = StreamView::default();
    assert_eq!(join(&mut view, position, publishers), []);
    view
}

fn subscribe(
    view: &mut StreamView,
    names: &[&str],
    succeeded: &[&str],
    failed: &[(&str, ErrorCode)],
) {
    let users: Vec<_> = names.iter().map(|name| user(name)).collect();
    view.subscribe_topic(&topic(), &users).expect("a member");
    let failed: Vec<_> = failed.iter().map(|&(user, code)| FailedUser { user, code }).collect();
    let users = TopicUsers { succeeded: List::Slice(succeeded), failed: List::Slice(&failed) };
    view.on_topic_subscribed(&topic(), names.is_empty(), &users);
}

fn news(view: &mut StreamView, name: &str, change: TopicChange, position: u64, last: u64) {
    let event = TopicEvent {
        channel: "class",
        position: at(position),
        change,
        topic: "t",
        publisher: name,
        qos: Qos::Ordered,
        priority: Priority::Normal,
        last: Sequence(last),
        meta: b"",
    };
    assert!(view.on_topic_event(&event));
}

fn message(view: &mut StreamView, name: &str, number: u64, sequence: u64) -> TopicVerdict {
    view.on_topic_message(&TopicMessageEvent {
        channel: "class",
        topic: "t",
        publisher: name,
        epoch: Epoch(1),
        publication: Sequence(number),
        sequence: Sequence(sequence),
        time: UnixTime::from_millis(0),
        message_type: MessageType::Binary,
        custom_type: "",
        payload: b"",
    })
}

fn lost(view: &StreamView) -> Vec<(bool, Vec<UserId>)> {
    view.subscriptions().map(|(_, all, named)| (all, named.iter().cloned().collect())).collect()
}

fn tracks(view: &StreamView) -> usize {
    let tracks = view.subscriptions.values().flat_map(|subscription| subscription.tracks.values());
    tracks.map(BTreeMap::len).sum()
}

const ABSENT: ErrorCode = ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED;

/// Lost while all were wanted, and bob by name; bob is gone now.
fn restored_without_bob() -> StreamView {
    let mut view = member(1, &[publisher("bob", 1, 0)]);
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    view.on_disconnected();
    join(&mut view, 2, &[]);
    subscribe(&mut view, &["bob"], &[], &[("bob", ABSENT)]);
    view
}

#[test]
fn a_refused_request_leaves_no_trace() {
    let mut view = member(1, &[publisher("bob", 1, 0)]);
    for already in [false, true] {
        if already {
            subscribe(&mut view, &["bob"], &["bob"], &[]);
        }
        for users in [vec![], vec![user("carol")]] {
            let before = view.clone();
            view.subscribe_topic(&topic(), &users).expect("a member");
            view.on_topic_refused(&topic());
            assert_eq!(view, before);
        }
    }
}

#[test]
fn what_was_lost_is_to_be_asked_for_until_it_is_answered() {
    let mut view = member(2, &[publisher("bob", 1, 0), publisher("carol", 2, 0)]);
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    subscribe(&mut view, &[], &["carol"], &[]);
    assert_eq!(lost(&view), []);
    view.on_disconnected();
    assert_eq!(lost(&view), [(true, vec![user("bob")])]);
    join(&mut view, 2, &[publisher("bob", 1, 0), publisher("carol", 2, 0)]);
    assert_eq!(view.subscribed_users(&topic()), Ok(vec![]), "nobody yet");
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    assert_eq!(lost(&view), [(true, vec![])]);
    subscribe(&mut view, &[], &["carol"], &[]);
    assert_eq!(lost(&view), []);
    assert_eq!(view.subscribed_users(&topic()), Ok(vec![user("bob"), user("carol")]));
}

#[test]
fn what_can_not_be_restored_is_forgotten() {
    for code in [ErrorCode::SUB_USER_EXCEED_LIMITATION, ErrorCode::INVALID_REMOTE_USER] {
        let mut view = restored_without_bob();
        subscribe(&mut view, &["bob"], &[], &[("bob", code)]);
        assert_eq!(lost(&view), []);
        assert!(view.subscriptions.is_empty(), "{code}");
    }
    let mut view = member(1, &[publisher("bob", 1, 0)]);
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    subscribe(&mut view, &[], &[], &[]);
    view.on_disconnected();
    join(&mut view, 1, &[publisher("bob", 1, 0)]);
    view.subscribe_topic(&topic(), &[user("bob")]).expect("a member");
    view.subscribe_topic(&topic(), &[]).expect("a member");
    view.on_topic_refused(&topic());
    assert_eq!(lost(&view), [(true, vec![])]);
    view.on_topic_refused(&topic());
    assert!(view.subscriptions.is_empty());
}

#[test]
fn a_named_publisher_who_was_absent_is_asked_for_when_back() {
    let mut view = restored_without_bob();
    news(&mut view, "carol", TopicChange::Joined, 3, 0);
    assert!(view.take_returned().is_empty());
    news(&mut view, "bob", TopicChange::Joined, 4, 0);
    let returned = view.take_returned();
    assert_eq!(returned, BTreeMap::from([(topic(), BTreeSet::from([user("bob")]))]));
    assert!(view.take_returned().is_empty(), "told once");
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    let gap = TopicGap { after: Sequence(0), before: Sequence(3) };
    let verdict = message(&mut view, "bob", 4, 3);
    assert_eq!(verdict, TopicVerdict::DeliverAfter(gap), "the request took its time");
}

#[test]
fn who_is_no_longer_wanted_is_not_asked_for() {
    for users in [vec![], vec![user("bob")]] {
        let mut view = restored_without_bob();
        view.unsubscribe_topic(&topic(), &users).expect("kept in mind");
        news(&mut view, "bob", TopicChange::Joined, 3, 0);
        assert!(view.take_returned().is_empty());
        assert!(view.subscriptions.is_empty());

        let mut view = restored_without_bob();
        news(&mut view, "bob", TopicChange::Joined, 3, 0);
        view.unsubscribe_topic(&topic(), &users).expect("kept in mind");
        assert!(view.take_returned().values().all(BTreeSet::is_empty));
    }
}

#[test]
fn a_request_under_way_is_not_asked_twice() {
    let mut view = restored_without_bob();
    view.subscribe_topic(&topic(), &[user("bob")]).expect("a member");
    news(&mut view, "bob", TopicChange::Joined, 3, 0);
    assert!(view.take_returned().is_empty());
}

#[test]
fn what_was_missed_is_told() {
    // Heard: alice up to 2, bob up to 1; carol comes and dave goes while the session is lost.
    let before = ["alice", "bob", "dave"];
    let numbers = [1, 2, 3];
    let publishers: Vec<_> =
        before.iter().zip(numbers).map(|(name, number)| publisher(name, number, 0)).collect();
    let mut view = member(3, &publishers);
    subscribe(&mut view, &[], &before, &[]);
    for (name, number, sequence) in
        [("alice", 1, 1), ("alice", 1, 2), ("bob", 2, 1), ("dave", 3, 4)]
    {
        assert_eq!(message(&mut view, name, number, sequence), TopicVerdict::Deliver);
    }
    view.on_disconnected();
    let now = [publisher("alice", 1, 5), publisher("bob", 2, 1), publisher("carol", 5, 7)];
    let missed = join(&mut view, 5, &now);
    let missed: Vec<_> = missed
        .iter()
        .map(|it| (it.user.as_str(), it.publication, it.after.0, it.before.map(|it| it.0)))
        .collect();
    let expected =
        [("dave", at(3), 4, None), ("alice", at(1), 2, Some(6)), ("carol", at(5), 0, Some(8))];
    assert_eq!(missed, expected);
    assert_eq!(tracks(&view), 3, "dave is gone");
    view.on_disconnected();
    assert_eq!(join(&mut view, 5, &now), [], "told once");
}

#[test]
fn the_end_of_a_publication_that_was_known_before_the_loss_is_told_exactly() {
    let mut view = member(1, &[publisher("bob", 1, 0)]);
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    message(&mut view, "bob", 1, 1);
    news(&mut view, "bob", TopicChange::Left, 2, 4);
    view.on_disconnected();
    let missed = join(&mut view, 2, &[]);
    assert_eq!(missed.len(), 1);
    assert_eq!((missed[0].after, missed[0].before), (Sequence(1), Some(Sequence(5))));
    assert_eq!(tracks(&view), 0);
}

#[test]
fn a_request_that_was_not_answered_is_lost_with_its_session() {
    let mut view = member(2, &[publisher("bob", 1, 0), publisher("carol", 2, 0)]);
    subscribe(&mut view, &["bob"], &["bob"], &[]);
    view.subscribe_topic(&topic(), &[user("carol")]).expect("a member");
    assert_eq!(message(&mut view, "carol", 2, 1), TopicVerdict::Deliver);
    view.on_disconnected();
    assert_eq!(lost(&view), [(false, vec![user("bob")])]);
    assert_eq!(tracks(&view), 1, "bob's");
}

#[test]
fn a_publication_is_tracked_until_its_last_message() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    news(&mut view, "bob", TopicChange::Joined, 1, 0);
    assert_eq!(message(&mut view, "bob", 1, 1), TopicVerdict::Deliver);
    news(&mut view, "bob", TopicChange::Left, 2, 2);
    news(&mut view, "bob", TopicChange::Joined, 3, 0);
    assert_eq!(message(&mut view, "bob", 3, 1), TopicVerdict::Deliver, "overtakes");
    assert_eq!(tracks(&view), 2);
    assert_eq!(message(&mut view, "bob", 1, 2), TopicVerdict::Deliver);
    assert_eq!(tracks(&view), 1);
    assert_eq!(message(&mut view, "bob", 1, 2), TopicVerdict::Unwanted, "complete");
    news(&mut view, "bob", TopicChange::Left, 4, 1);
    assert_eq!(tracks(&view), 0, "nothing is waited for");
}

#[test]
fn ended_publications_make_room_and_living_ones_do_not() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    // Each with a tail that never comes.
    for number in 0..2_500 {
        let name = format!("user{number}");
        news(&mut view, &name, TopicChange::Joined, 2 * number + 1, 0);
        assert_eq!(message(&mut view, &name, 2 * number + 1, 1), TopicVerdict::Deliver);
        news(&mut view, &name, TopicChange::Left, 2 * number + 2, 9);
    }
    for number in 10_000..15_000 {
        let verdict = message(&mut view, &format!("user{number}"), number, 1);
        let has_room = number < 10_000 + TRACKS_MAX as u64;
        let expected = if has_room { TopicVerdict::Deliver } else { TopicVerdict::Unwanted };
        assert_eq!(verdict, expected, "{number}");
    }
    assert_eq!(tracks(&view), TRACKS_MAX);
}

#[test]
fn the_end_of_a_subscription_ends_its_tracks() {
    for (all, names) in [(true, &[][..]), (false, &["bob"])] {
        let mut view = member(1, &[publisher("bob", 1, 0)]);
        subscribe(&mut view, &[], &["bob"], &[]);
        message(&mut view, "bob", 1, 1);
        let users: Vec<_> = names.iter().map(|name| user(name)).collect();
        view.unsubscribe_topic(&topic(), &users).expect("subscribed");
        // Asked for again at once: what comes then begins anew.
        view.subscribe_topic(&topic(), &[user("bob")]).expect("a member");
        let succeeded = ["bob"];
        let users = TopicUsers { succeeded: List::Slice(&succeeded), failed: List::Slice(&[]) };
        view.on_topic_unsubscribed(&topic(), all, &users);
        assert_eq!(tracks(&view), 0);
        assert_eq!(message(&mut view, "bob", 1, 5), TopicVerdict::Deliver);
    }
}

#[test]
fn the_end_of_all_subscriptions_ends_what_is_waited_for_of_those_who_have_left() {
    let mut view = member(1, &[publisher("bob", 1, 0)]);
    subscribe(&mut view, &[], &["bob"], &[]);
    message(&mut view, "bob", 1, 1);
    news(&mut view, "bob", TopicChange::Left, 2, 3);
    view.unsubscribe_topic(&topic(), &[]).expect("subscribed");
    view.subscribe_topic(&topic(), &[]).expect("a member");
    let nobody = TopicUsers { succeeded: List::Slice(&[]), failed: List::Slice(&[]) };
    view.on_topic_unsubscribed(&topic(), true, &nobody);
    assert_eq!(tracks(&view), 0);
    assert_eq!(message(&mut view, "bob", 1, 2), TopicVerdict::Unwanted);
}

#[test]
fn the_order_is_learned_from_the_topic_event() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    for sequence in [1, 2, 4] {
        assert_eq!(message(&mut view, "bob", 1, sequence), TopicVerdict::Deliver);
    }
    news(&mut view, "bob", TopicChange::Joined, 1, 0);
    let gap = TopicGap { after: Sequence(4), before: Sequence(6) };
    assert_eq!(message(&mut view, "bob", 1, 6), TopicVerdict::DeliverAfter(gap));
    assert_eq!(message(&mut view, "bob", 1, 5), TopicVerdict::Repeat, "it is ordered");
}

#[test]
fn names_that_are_none_are_not_wanted() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    assert_eq!(message(&mut view, "a.b", 1, 1), TopicVerdict::Unwanted);
    assert_eq!(tracks(&view), 0);
}
