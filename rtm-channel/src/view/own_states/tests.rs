use super::*;

const KIND: ChannelKind = ChannelKind::Message;

fn name(text: &str) -> ChannelName {
    ChannelName::new(text).expect("a name")
}

/// `a=1` and so on.
fn set(own: &mut OwnStates, channel: &str, pairs: &[&str]) -> Result<bool, ErrorCode> {
    let states: Vec<_> = pairs.iter().map(|pair| state(pair)).collect();
    let before = own.clone();
    let result = own.set(KIND, &name(channel), List::Slice(&states));
    if result.is_err() {
        assert_eq!(*own, before, "a refusal changes nothing");
    }
    result.map_err(|refusal| refusal.code)
}

fn state(pair: &str) -> State<'_> {
    let (key, value) = pair.split_once('=').expect("a pair");
    State { key, value: value.as_bytes() }
}

fn remove(own: &mut OwnStates, channel: &str, keys: &[&str]) -> bool {
    own.remove(KIND, &name(channel), List::Slice(keys))
}

/// What is to be sent, as text: keys to remove with a minus.
fn joined(own: &mut OwnStates, channel: &str) -> String {
    let StatesToSend { removed, states } = own.on_joined(KIND, &name(channel));
    let removed = removed.map(|keys| match keys.is_empty() {
        true => "-all".to_owned(),
        false => keys.iter().map(|key| format!("-{key}")).collect::<Vec<_>>().join(" "),
    });
    let states = states
        .iter()
        .map(|state| format!("{}={}", state.key, core::str::from_utf8(state.value).expect("text")));
    removed.into_iter().chain(states).collect::<Vec<_>>().join(" ")
}

fn answered(own: &mut OwnStates, channel: &str, times: usize) {
    (0..times).for_each(|_| own.on_answered(KIND, &name(channel)));
}

#[test]
fn what_is_set_before_the_join_is_sent_with_it() {
    let mut own = OwnStates::new(&Limits::hosted());
    assert_eq!(set(&mut own, "lobby", &["a=1", "b=1"]), Ok(false));
    assert_eq!(set(&mut own, "lobby", &["b=2", "c=1"]), Ok(false), "merged");
    assert!(!remove(&mut own, "lobby", &["a", "nothing"]));
    assert_eq!(joined(&mut own, "lobby"), "b=2 c=1", "nobody has seen what was removed");
    assert_eq!(set(&mut own, "lobby", &["d=1"]), Ok(true));
    assert!(remove(&mut own, "lobby", &["b"]));
    let states = own.states(KIND, &name("lobby")).map(|state| state.key.to_owned());
    assert_eq!(Vec::from_iter(states), ["c", "d"]);
    assert_eq!(joined(&mut own, "empty"), "", "nothing is to be sent");
    assert_eq!(set(&mut own, "empty", &["a=1"]), Ok(true));
    assert_eq!(own.states(ChannelKind::Stream, &name("lobby")).count(), 0, "another channel");
}

#[test]
fn states_are_shown_again_after_a_loss_until_the_channel_is_left() {
    let mut own = OwnStates::new(&Limits::hosted());
    assert_eq!(joined(&mut own, "lobby"), "");
    assert_eq!(set(&mut own, "lobby", &["a=1", "b=1"]), Ok(true));
    own.on_lost();
    assert_eq!(set(&mut own, "lobby", &["c=1"]), Ok(false), "away");
    assert_eq!(joined(&mut own, "lobby"), "a=1 b=1 c=1");
    assert_eq!(joined(&mut own, "lobby"), "a=1 b=1 c=1", "after a timeout that was noticed");
    own.leave(KIND, &name("lobby"));
    own.on_left(KIND, &name("lobby"));
    assert_eq!(joined(&mut own, "lobby"), "");
}

#[test]
fn a_good_bye_without_an_answer_removes_all_at_the_next_join() {
    let mut own = OwnStates::new(&Limits::hosted());
    joined(&mut own, "lobby");
    set(&mut own, "lobby", &["a=1"]).expect("few");
    own.leave(KIND, &name("lobby"));
    set(&mut own, "lobby", &["b=1"]).expect("few");
    own.on_lost();
    assert_eq!(joined(&mut own, "lobby"), "-all b=1");
    // With one, what was set since is kept for the next join.
    for _ in 0..2 {
        own.on_answered(KIND, &name("lobby"));
    }
    own.leave(KIND, &name("lobby"));
    set(&mut own, "lobby", &["c=1"]).expect("few");
    own.on_left(KIND, &name("lobby"));
    assert_eq!(joined(&mut own, "lobby"), "c=1");
    own.on_left(KIND, &name("lobby"));
    assert_eq!(own.states(KIND, &name("lobby")).count(), 1, "it is joined again");
}

#[test]
fn what_was_removed_without_an_answer_is_removed_after_the_loss() {
    let mut own = OwnStates::new(&Limits::hosted());
    set(&mut own, "lobby", &["a=1", "b=1", "c=1", "d=1"]).expect("few");
    joined(&mut own, "lobby");
    assert!(remove(&mut own, "lobby", &["a"]));
    answered(&mut own, "lobby", 2);
    assert!(remove(&mut own, "lobby", &["b"]), "never answered");
    own.on_lost();
    assert!(!remove(&mut own, "lobby", &["c"]));
    assert_eq!(joined(&mut own, "lobby"), "-b -c d=1");
    answered(&mut own, "lobby", 1);
    own.on_lost();
    assert_eq!(joined(&mut own, "lobby"), "-b -c d=1", "one of the two answers was lost");
    assert_eq!(set(&mut own, "lobby", &["c=2"]), Ok(true));
    assert_eq!(joined(&mut own, "lobby"), "-b c=2 d=1", "what is there again isn't removed");
    answered(&mut own, "lobby", 5);
    own.on_lost();
    assert_eq!(joined(&mut own, "lobby"), "c=2 d=1");
    assert!(remove(&mut own, "lobby", &[]));
    own.on_lost();
    assert_eq!(joined(&mut own, "lobby"), "-c -d");
}

#[test]
fn more_than_can_be_kept_of_what_was_removed_is_all() {
    let mut own = OwnStates::new(&Limits::hosted());
    joined(&mut own, "lobby");
    for number in 0..33 {
        set(&mut own, "lobby", &[&format!("key {number}=1")]).expect("one");
        remove(&mut own, "lobby", &[&format!("key {number}")]);
    }
    set(&mut own, "lobby", &["a=1"]).expect("one");
    own.on_lost();
    assert_eq!(joined(&mut own, "lobby"), "-all a=1");
    answered(&mut own, "lobby", 2);
    assert_eq!(joined(&mut own, "lobby"), "a=1");
}

#[test]
fn a_hundred_states_wait_for_joins_and_not_one_more() {
    let mut own = OwnStates::new(&Limits::hosted());
    let pairs: Vec<String> = (0..32).map(|number| format!("key {number}=1")).collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let too_many = Err(ErrorCode::PRESENCE_CACHED_TOO_MANY_STATES);
    for channel in ["a", "b", "c"] {
        assert_eq!(set(&mut own, channel, &pairs), Ok(false));
    }
    assert_eq!(set(&mut own, "d", &pairs[..5]), too_many);
    assert_eq!(set(&mut own, "d", &pairs[..4]), Ok(false), "a hundred");
    assert_eq!(set(&mut own, "e", &pairs[..1]), too_many);
    assert_eq!(set(&mut own, "d", &[]), Ok(false), "no more than before");
    assert_eq!(set(&mut own, "a", &["key 0=2"]), Ok(false), "a known key");
    joined(&mut own, "a");
    assert_eq!(set(&mut own, "e", &pairs), Ok(false), "what is joined isn't counted");
    own.on_lost();
    assert_eq!(set(&mut own, "f", &pairs[..1]), too_many);
    assert_eq!(set(&mut own, "a", &["key 0=3"]), Ok(false), "nor what is joined again");
    assert!(!remove(&mut own, "b", &[]));
    assert_eq!(set(&mut own, "f", &pairs[..1]), Ok(false), "there is room again");
}

#[test]
fn keys_and_values_are_checked_as_the_server_checks_them() {
    let mut own = OwnStates::new(&Limits::hosted());
    let long = format!("{}=1", "k".repeat(65));
    let big = format!("k={}", "v".repeat(1_025));
    for (pairs, code) in [
        (&["a.b=1"][..], ErrorCode::PRESENCE_INVALID_STATE_KEY),
        (&["a="][..], ErrorCode::PRESENCE_INVALID_STATE_VALUE),
        (&["a=1", "a=1"][..], ErrorCode::PRESENCE_STATE_DUPLICATE_KEY),
        (&[&*long][..], ErrorCode::PRESENCE_STATE_KEY_SIZE_OVERFLOW),
        (&[&*big][..], ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW),
    ] {
        assert_eq!(set(&mut own, "lobby", pairs), Err(code));
        joined(&mut own, "room");
        assert_eq!(set(&mut own, "room", pairs), Err(code));
    }
    assert_eq!(own.states(KIND, &name("lobby")).count(), 0);
}

#[test]
fn who_leaves_while_away_removes_all_before_it_shows_anything_again() {
    let (kind, lobby) = (ChannelKind::Message, ChannelName::new("lobby").expect("a name"));
    let mut own = OwnStates::new(&Limits::hosted());
    let set = |own: &mut OwnStates, key: &'static str| {
        let state = State { key, value: b"x" };
        own.set(kind, &lobby, List::Slice(&[state])).expect("a good state")
    };
    set(&mut own, "old");
    own.on_joined(kind, &lobby);
    own.on_answered(kind, &lobby);
    own.on_lost();
    own.leave(kind, &lobby);
    assert!(!set(&mut own, "new"), "not joined");
    let to_send = own.on_joined(kind, &lobby);
    assert_eq!(to_send.removed, Some(Vec::new()), "all");
    assert_eq!(to_send.states, [State { key: "new", value: b"x" }]);
    own.on_answered(kind, &lobby);
    own.on_answered(kind, &lobby);
    own.leave(kind, &lobby);
    own.on_left(kind, &lobby);
    assert_eq!(own.on_joined(kind, &lobby), StatesToSend::default(), "the server was told");
    // What is remembered has a limit.
    let channels = (0..LEFT_MAX + 10).map(|it| ChannelName::new(&format!("c{it}")).expect("name"));
    let channels: Vec<_> = channels.collect();
    channels.iter().for_each(|it| _ = own.on_joined(kind, it));
    own.on_lost();
    channels.iter().for_each(|it| own.leave(kind, it));
    assert!(own.channels.len() <= LEFT_MAX + 1);
}
