//! Subscriptions that are lost, restored, refused and ended, and what a view keeps of them.

use rtm_wire::{
    Epoch, FailedUser, List, MessageType, Publisher, Qos, SubscribeOptions, TopicChange,
    TopicEvent, TopicMessageEvent, UnixTime,
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
        since: UnixTime::default(),
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
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
    ask(view, names);
    let succeeded: Vec<_> = succeeded.iter().map(|&name| (name, 0)).collect();
    assert_eq!(answer(view, names, &succeeded, failed), []);
}

fn ask(view: &mut StreamView, names: &[&str]) {
    let users: Vec<_> = names.iter().map(|name| user(name)).collect();
    view.subscribe_topic(&topic(), &users).expect("a member");
}

/// The answer to a subscription: users with the last messages of their publications. What was
/// missed: publication, after, before.
fn answer(
    view: &mut StreamView,
    names: &[&str],
    succeeded: &[(&str, u64)],
    failed: &[(&str, ErrorCode)],
) -> Vec<(u64, u64, u64)> {
    let heard = heard(view, succeeded);
    let failed: Vec<_> = failed.iter().map(|&(user, code)| FailedUser { user, code }).collect();
    let users = TopicUsers { succeeded: List::Slice(&heard), failed: List::Slice(&failed) };
    told(&view.on_topic_subscribed(&topic(), names.is_empty(), &users))
}

/// The end of a subscription, asked for earlier, is answered.
fn end(view: &mut StreamView, names: &[&str], ended: &[(&str, u64)]) {
    let heard = heard(view, ended);
    let users = TopicUsers { succeeded: List::Slice(&heard), failed: List::Slice(&[]) };
    view.on_topic_unsubscribed(&topic(), names.is_empty(), &users);
}

fn heard<'a>(view: &StreamView, users: &[(&'a str, u64)]) -> Vec<HeardUser<'a>> {
    let publications = view.topics.get(&topic());
    let heard = users.iter().map(|&(user, last)| {
        let info = publications.and_then(|publications| publications.get(user));
        let publication = info.map_or(Sequence(0), |info| info.publication);
        HeardUser { user, publication, last: Sequence(last) }
    });
    heard.collect()
}

/// Publication, after, before; 0 when that isn't known.
fn told(missed: &[TopicMissed]) -> Vec<(u64, u64, u64)> {
    let missed = missed.iter();
    missed
        .map(|it| (it.publication.sequence.0, it.after.0, it.before.map_or(0, |before| before.0)))
        .collect()
}

fn news(view: &mut StreamView, name: &str, change: TopicChange, position: u64, last: u64) {
    let event = TopicEvent {
        channel: "class",
        position: at(position),
        time: UnixTime::default(),
        change,
        topic: "t",
        publisher: name,
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
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
    ask(&mut view, &["bob"]);
    let missed = answer(&mut view, &["bob"], &[("bob", 2)], &[]);
    assert_eq!(missed, [(4, 0, 3)], "the request took its time");
    assert_eq!(message(&mut view, "bob", 4, 3), TopicVerdict::Deliver);
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
        [("alice", 1, 1), ("alice", 1, 2), ("bob", 2, 1), ("dave", 3, 1)]
    {
        assert_eq!(message(&mut view, name, number, sequence), TopicVerdict::Deliver);
    }
    view.on_disconnected();
    let now = [publisher("alice", 1, 5), publisher("bob", 2, 1), publisher("carol", 5, 7)];
    let missed = join(&mut view, 5, &now);
    assert_eq!(missed.iter().map(|it| it.user.as_str()).collect::<Vec<_>>(), ["dave", "alice"]);
    assert_eq!(told(&missed), [(3, 1, 0), (1, 2, 6)]);
    assert_eq!(tracks(&view), 3, "dave is gone");
    view.on_disconnected();
    assert_eq!(join(&mut view, 5, &now), [], "told once");
    // Until the answer, alice and carol go on, and bob leaves.
    ask(&mut view, &[]);
    news(&mut view, "bob", TopicChange::Left, 6, 3);
    let missed = answer(&mut view, &[], &[("alice", 7), ("carol", 8)], &[]);
    assert_eq!(missed, [(2, 1, 4), (1, 5, 8), (5, 0, 9)]);
    assert_eq!(tracks(&view), 2);
    for (name, number, sequence) in [("alice", 1, 8), ("carol", 5, 9)] {
        assert_eq!(message(&mut view, name, number, sequence), TopicVerdict::Deliver);
    }
}

#[test]
fn what_overtakes_the_answer_to_a_renewed_subscription_counts() {
    for qos in [Qos::Ordered, Qos::Unordered] {
        let bob = |last| {
            [Publisher {
                delivery: Delivery { qos, ..Delivery::default() },
                ..publisher("bob", 1, last)
            }]
        };
        let mut view = member(1, &bob(0));
        subscribe(&mut view, &["bob"], &["bob"], &[]);
        view.on_disconnected();
        assert_eq!(told(&join(&mut view, 1, &bob(2))), [(1, 0, 3)]);
        ask(&mut view, &["bob"]);
        let gap = TopicGap { after: Sequence(2), before: Sequence(5) };
        let (verdict, missed) = match qos {
            Qos::Ordered => (TopicVerdict::DeliverAfter(gap), vec![]),
            _ => (TopicVerdict::Deliver, vec![(1, 2, 5)]),
        };
        assert_eq!(message(&mut view, "bob", 1, 5), verdict);
        assert_eq!(answer(&mut view, &["bob"], &[("bob", 4)], &[]), missed);
        view.on_disconnected();
        assert_eq!(told(&join(&mut view, 1, &bob(6))), [(1, 5, 7)], "told once");
    }
}

#[test]
fn what_is_lost_before_the_first_message_of_a_subscription_is_told() {
    let bob = |last| {
        [Publisher {
            delivery: Delivery { qos: Qos::Unordered, ..Delivery::default() },
            ..publisher("bob", 1, last)
        }]
    };
    for overtaking in [&[][..], &[8], &[8, 6]] {
        let mut view = member(1, &bob(3));
        ask(&mut view, &["bob"]);
        for &sequence in overtaking {
            assert_eq!(message(&mut view, "bob", 1, sequence), TopicVerdict::Deliver);
        }
        assert_eq!(answer(&mut view, &["bob"], &[("bob", 5)], &[]), []);
        view.on_disconnected();
        let expected: &[_] = match overtaking {
            [] => &[(1, 5, 10)],
            [_] => &[(1, 5, 8), (1, 8, 10)],
            _ => &[(1, 6, 8), (1, 8, 10)],
        };
        assert_eq!(told(&join(&mut view, 1, &bob(9))), expected, "{overtaking:?}");
    }
}

#[test]
fn what_is_lost_before_a_message_that_overtakes_the_beginning_is_told() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    assert_eq!(message(&mut view, "bob", 1, 3), TopicVerdict::Deliver);
    news(&mut view, "bob", TopicChange::Joined, 1, 0);
    view.on_disconnected();
    assert_eq!(told(&join(&mut view, 1, &[publisher("bob", 1, 3)])), [(1, 0, 3)]);
}

#[test]
fn a_new_publication_that_was_heard_is_owed_when_the_session_is_lost_again() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    view.on_disconnected();
    join(
        &mut view,
        1,
        &[Publisher {
            delivery: Delivery { qos: Qos::Unordered, ..Delivery::default() },
            ..publisher("bob", 1, 1)
        }],
    );
    ask(&mut view, &[]);
    assert_eq!(message(&mut view, "bob", 1, 3), TopicVerdict::Deliver, "overtakes the answer");
    view.on_disconnected();
    let missed = join(&mut view, 1, &[publisher("bob", 1, 4)]);
    assert_eq!(told(&missed), [(1, 0, 3), (1, 3, 5)]);
}

#[test]
fn who_is_not_heard_again_is_owed_no_more() {
    let mut view = member(1, &[publisher("bob", 1, 0)]);
    subscribe(&mut view, &[], &["bob"], &[]);
    view.on_disconnected();
    let now = [publisher("bob", 1, 2), publisher("carol", 2, 2)];
    assert_eq!(told(&join(&mut view, 2, &now)), [(1, 0, 3)]);
    ask(&mut view, &[]);
    assert_eq!(answer(&mut view, &[], &[], &[]), [], "there is no room");
    assert_eq!(tracks(&view), 0);
}

#[test]
fn a_publication_that_began_and_ended_before_the_answer_is_not_owed() {
    let mut view = member(0, &[]);
    subscribe(&mut view, &[], &[], &[]);
    view.on_disconnected();
    assert_eq!(join(&mut view, 1, &[publisher("bob", 1, 2)]), []);
    ask(&mut view, &[]);
    news(&mut view, "carol", TopicChange::Joined, 2, 0);
    news(&mut view, "bob", TopicChange::Left, 3, 2);
    assert_eq!(answer(&mut view, &[], &[("carol", 1)], &[]), [(2, 0, 2)]);
    assert_eq!(tracks(&view), 1);
}

#[test]
fn stragglers_of_an_ended_subscription_are_not_those_of_the_next() {
    for names in [&[][..], &["bob"]] {
        let mut view = member(1, &[publisher("bob", 1, 0)]);
        subscribe(&mut view, names, &["bob"], &[]);
        message(&mut view, "bob", 1, 1);
        view.unsubscribe_topic(&topic(), &[]).expect("subscribed");
        end(&mut view, &[], &[("bob", 4)]);
        ask(&mut view, names);
        assert_eq!(message(&mut view, "bob", 1, 2), TopicVerdict::Unwanted);
        assert_eq!(message(&mut view, "bob", 1, 7), TopicVerdict::Deliver, "of the next");
        assert_eq!(answer(&mut view, names, &[("bob", 6)], &[]), []);
        assert_eq!(message(&mut view, "bob", 1, 4), TopicVerdict::Unwanted);
        assert_eq!(message(&mut view, "bob", 1, 8), TopicVerdict::Deliver);
    }
}

#[test]
fn the_time_between_two_subscriptions_is_no_gap() {
    for names in [&[][..], &["bob"]] {
        let mut view = member(1, &[publisher("bob", 1, 0)]);
        subscribe(&mut view, names, &["bob"], &[]);
        message(&mut view, "bob", 1, 1);
        view.unsubscribe_topic(&topic(), &[]).expect("subscribed");
        ask(&mut view, names);
        assert_eq!(message(&mut view, "bob", 1, 7), TopicVerdict::Deliver, "overtakes both");
        end(&mut view, &[], &[("bob", 4)]);
        assert_eq!(message(&mut view, "bob", 1, 8), TopicVerdict::Deliver);
        assert_eq!(answer(&mut view, names, &[("bob", 6)], &[]), []);
        assert_eq!(message(&mut view, "bob", 1, 9), TopicVerdict::Deliver);
        view.on_disconnected();
        assert_eq!(join(&mut view, 1, &[publisher("bob", 1, 9)]), []);
    }
}

#[test]
fn what_is_restored_and_ended_at_once_owes_nothing() {
    for names in [&[][..], &["bob"]] {
        let mut view = member(1, &[publisher("bob", 1, 0)]);
        subscribe(&mut view, &[], &["bob"], &[]);
        view.on_disconnected();
        join(&mut view, 1, &[publisher("bob", 1, 0)]);
        ask(&mut view, &[]);
        let users: Vec<_> = names.iter().map(|name| user(name)).collect();
        view.unsubscribe_topic(&topic(), &users).expect("to be restored");
        news(&mut view, "bob", TopicChange::Left, 2, 3);
        news(&mut view, "bob", TopicChange::Joined, 3, 0);
        assert_eq!(answer(&mut view, &[], &[("bob", 2)], &[]), []);
    }
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
    for names in [&[][..], &["bob"]] {
        let mut view = member(1, &[publisher("bob", 1, 0)]);
        subscribe(&mut view, &[], &["bob"], &[]);
        message(&mut view, "bob", 1, 1);
        let users: Vec<_> = names.iter().map(|name| user(name)).collect();
        view.unsubscribe_topic(&topic(), &users).expect("subscribed");
        // Asked for again at once: what comes then begins anew.
        view.subscribe_topic(&topic(), &[user("bob")]).expect("a member");
        end(&mut view, names, &[("bob", 1)]);
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
    end(&mut view, &[], &[]);
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
