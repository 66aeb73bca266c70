//! Every state and event of memberships and own publications against a written table.

use rtm_wire::{Epoch, Priority, Qos, QueuePolicy, UnixTime};

use super::*;

const OPTIONS: SubscribeOptions = SubscribeOptions {
    messages: true,
    presence: true,
    metadata: false,
    locks: false,
    quiet: false,
    queue: QueuePolicy::Default,
};

const STATES: [Membership; 5] = [
    Membership::Idle,
    Membership::Joining(OPTIONS),
    Membership::Joined(OPTIONS),
    Membership::Lost(OPTIONS),
    Membership::Leaving,
];

fn topic() -> TopicName {
    TopicName::new("t").expect("a name")
}

fn at(sequence: u64) -> Position {
    Position { epoch: Epoch(1), sequence: Sequence(sequence) }
}

fn view(membership: Membership) -> StreamView {
    StreamView { membership, ..StreamView::default() }
}

fn code(result: Result<(), Refusal>) -> Option<ErrorCode> {
    result.err().map(|refusal| refusal.code)
}

/// Applies `event` in every state and compares result and next state with the table.
#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(
    event: impl Fn(&mut StreamView) -> T,
    wanted: [(T, Membership); 5],
) {
    for (state, (result, next)) in STATES.into_iter().zip(wanted) {
        let mut it = view(state);
        assert_eq!(event(&mut it), result, "from {state:?}");
        assert_eq!(it.membership(), next, "from {state:?}");
    }
}

#[test]
fn memberships_follow_the_table() {
    let [idle, joining, joined, lost, leaving] = STATES;
    let twice = Some(ErrorCode::DUPLICATE_OPERATION);
    check(
        |view| code(view.join(OPTIONS)),
        [(None, joining), (twice, joining), (twice, joined), (twice, lost), (twice, leaving)],
    );
    check(
        |view| view.on_joined(at(3), List::Slice(&[])),
        [(vec![], idle), (vec![], joined), (vec![], joined), (vec![], lost), (vec![], leaving)],
    );
    check(
        StreamView::on_refused,
        [((), idle), ((), idle), ((), joined), ((), lost), ((), leaving)],
    );
    let none = Some(ErrorCode::CHANNEL_NOT_JOINED);
    check(
        |view| code(view.leave()),
        [(none, idle), (none, joining), (None, leaving), (None, idle), (none, leaving)],
    );
    check(StreamView::on_left, [((), idle), ((), joining), ((), joined), ((), lost), ((), idle)]);
    check(
        StreamView::on_disconnected,
        [((), idle), ((), lost), ((), lost), ((), lost), ((), idle)],
    );
    check(
        StreamView::rejoin,
        [(None, idle), (None, joining), (None, joined), (Some(OPTIONS), joining), (None, leaving)],
    );
    check(
        |view| code(view.check_joined()),
        [(none, idle), (none, joining), (None, joined), (none, lost), (none, leaving)],
    );
    check(
        |view| view.on_topic_event(&news("bob", TopicChange::Joined, 4)),
        [(false, idle), (false, joining), (true, joined), (false, lost), (false, leaving)],
    );
}

#[test]
fn only_members_take_part_in_topics() {
    let none = Some(ErrorCode::CHANNEL_NOT_JOINED);
    let [idle, joining, joined, lost, leaving] = STATES;
    let here =
        |code| [(none, idle), (none, joining), (code, joined), (none, lost), (none, leaving)];
    let meta = Bytes::new();
    check(|view| code(view.join_topic(&topic(), Delivery::default(), meta.clone())), here(None));
    let not_joined = Some(ErrorCode::CHANNEL_TOPIC_NOT_JOINED);
    check(|view| code(view.check_publisher(&topic())), here(not_joined));
    check(|view| code(view.leave_topic(&topic())), here(not_joined));
    check(|view| code(view.subscribe_topic(&topic(), &[])), here(None));
    let not_subscribed = Some(ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED);
    check(|view| code(view.unsubscribe_topic(&topic(), &[])), here(not_subscribed));
    check(
        |view| view.subscribed_users(&topic()).err().map(|refusal| refusal.code),
        here(not_subscribed),
    );
}

/// Own publications: absent, joining, joined, leaving.
fn own_states() -> [Option<PublisherState>; 4] {
    let delivery = Delivery { qos: Qos::Ordered, priority: Priority::High, ..Delivery::default() };
    let meta = Bytes::from_static(b"meta");
    [
        None,
        Some(PublisherState::Joining(delivery, meta.clone())),
        Some(PublisherState::Joined(delivery, meta)),
        Some(PublisherState::Leaving),
    ]
}

#[track_caller]
fn check_own<T: PartialEq + std::fmt::Debug>(
    event: impl Fn(&mut StreamView) -> T,
    wanted: [(T, &Option<PublisherState>); 4],
) {
    for (state, (result, next)) in own_states().into_iter().zip(wanted) {
        let mut it = view(Membership::Joined(OPTIONS));
        it.own.extend(state.clone().map(|state| (topic(), state)));
        assert_eq!(event(&mut it), result, "from {state:?}");
        assert_eq!(it.own.get(&topic()), next.as_ref(), "from {state:?}");
    }
}

#[test]
fn own_publications_follow_the_table() {
    let states = own_states();
    let [absent, joining, joined, leaving] = &states;
    let again = || {
        let delivery =
            Delivery { qos: Qos::Ordered, priority: Priority::High, ..Delivery::default() };
        (delivery, Bytes::from_static(b"meta"))
    };
    let twice = Some(ErrorCode::CHANNEL_JOIN_TOPIC_FAILED);
    check_own(
        |view| code(view.join_topic(&topic(), again().0, again().1)),
        [(None, joining), (twice, joining), (twice, joined), (twice, leaving)],
    );
    check_own(
        |view| view.on_topic_joined(&topic(), true),
        [((), absent), ((), joined), ((), joined), ((), leaving)],
    );
    check_own(
        |view| view.on_topic_joined(&topic(), false),
        [((), absent), ((), absent), ((), joined), ((), leaving)],
    );
    let none = Some(ErrorCode::CHANNEL_TOPIC_NOT_JOINED);
    check_own(
        |view| code(view.check_publisher(&topic())),
        [(none, absent), (none, joining), (None, joined), (none, leaving)],
    );
    check_own(
        |view| code(view.leave_topic(&topic())),
        [(none, absent), (none, joining), (None, leaving), (none, leaving)],
    );
    check_own(
        |view| view.on_topic_left(&topic()),
        [((), absent), ((), joining), ((), joined), ((), absent)],
    );
    check_own(
        StreamView::on_disconnected,
        [((), absent), ((), joining), ((), joining), ((), absent)],
    );
    check_own(
        |view| view.own_publications().filter_map(|(_, own)| own.wanted()).count(),
        [(0, absent), (1, joining), (1, joined), (0, leaving)],
    );
    let all_gone = [((), absent), ((), absent), ((), absent), ((), absent)];
    check_own(
        |view| {
            view.leave().expect("it is a member");
            view.on_left();
        },
        all_gone,
    );
    check_own(
        |view| {
            view.on_disconnected();
            view.rejoin().expect("it was a member");
            view.on_refused();
        },
        all_gone,
    );
}

fn news(user: &str, change: TopicChange, sequence: u64) -> TopicEvent<'_> {
    TopicEvent {
        channel: "class",
        position: at(sequence),
        time: UnixTime::default(),
        change,
        topic: "t",
        publisher: user,
        delivery: Delivery { qos: Qos::Ordered, ..Delivery::default() },
        last: Sequence(0),
        meta: b"",
    }
}

fn publishers(view: &StreamView) -> Vec<(&str, u64)> {
    view.topics().map(|(_, user, info)| (user.as_str(), info.publication.0)).collect()
}

#[test]
fn publishers_come_and_go_with_their_events_once() {
    let mut view = view(Membership::Joined(OPTIONS));
    assert!(view.on_topic_event(&news("bob", TopicChange::Joined, 1)));
    assert!(!view.on_topic_event(&news("bob", TopicChange::Joined, 1)), "known");
    assert!(!view.on_topic_event(&news("bob", TopicChange::Left, 1)), "not later");
    assert_eq!(publishers(&view), [("bob", 1)]);
    assert!(view.on_topic_event(&news("carol", TopicChange::Joined, 5)));
    assert!(view.on_topic_event(&news("bob", TopicChange::Left, 6)));
    assert!(!view.on_topic_event(&news("bob", TopicChange::Left, 7)), "was gone");
    assert!(!view.on_topic_event(&news("dave", TopicChange::Unknown(9), 8)));
    assert!(!view.on_topic_event(&news("a.b", TopicChange::Joined, 9)), "no name");
    assert_eq!(publishers(&view), [("carol", 5)]);
    assert!(view.on_topic_event(&news("carol", TopicChange::Left, 10)));
    assert!(view.topics.is_empty(), "the last publisher has gone");
}

#[test]
fn a_hostile_server_can_name_only_so_many_publishers() {
    let mut view = view(Membership::Joined(OPTIONS));
    for number in 1..=5_000 {
        let user = format!("user{number}");
        let is_taken = view.on_topic_event(&news(&user, TopicChange::Joined, number));
        assert_eq!(is_taken, number <= 4_096);
    }
    assert_eq!(view.topics().count(), 4_096);
}
