//! Who is in a channel, and when others are told: all times are virtual.

use std::time::Duration;

use rtm_channel::{AppId, UserId};
use rtm_client::core::Command;
use rtm_client::{JoinOptions, LinkState, SubscribeOptions};

use super::server::OPEN_APP;
use super::world::{Lab, join, leave, login, name, subscribe, unsubscribe};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Adds a user with this heartbeat and presence timeout, in seconds, who is in the lobby.
fn add(lab: &mut Lab, user: &str, heartbeat: u64, timeout: u64) {
    lab.add_with(user, OPEN_APP, user, |config| {
        config.heartbeat_interval = secs(heartbeat);
        config.presence_timeout = secs(timeout);
    });
    lab.log_in(user);
    lab.run(secs(1));
    lab.call(user, subscribe("lobby", 1)).unwrap();
    lab.run(secs(1));
}

fn present(lab: &Lab, user: &str) -> Vec<String> {
    lab.client(user).present(1)
}

/// Cuts a user off, and says when alice is told that it is gone, to the second: between the two.
fn time_until_gone(lab: &mut Lab, user: &str) -> (u64, u64) {
    let gone = format!("timeout {user}");
    lab.set_blackout(user, true);
    for second in 0..3_000 {
        lab.run(secs(1));
        if present(lab, "alice").contains(&gone) {
            return (second, second + 1);
        }
    }
    panic!("{user} is never gone");
}

#[test]
fn a_presence_timeout_of_5_seconds_fires_when_it_should() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 5, 5);
    assert_eq!(present(&lab, "alice"), ["snapshot alice", "+bob"]);
    assert_eq!(present(&lab, "bob"), ["snapshot alice bob"]);
    let (after, before) = time_until_gone(&mut lab, "bob");
    // The last heartbeat came up to 5 s before; 5 s and 10 s after it bob counts as lost, and 5 s
    // later as gone.
    assert!(after >= 14 && before <= 21, "{after} s to {before} s");
}

#[test]
fn the_longest_presence_timeout_is_300_seconds_and_one_beyond_counts_as_that() {
    for asked in [300, 301, 100_000] {
        let mut lab = Lab::new(0.0);
        add(&mut lab, "alice", 5, 300);
        add(&mut lab, "bob", 5, asked);
        let (after, before) = time_until_gone(&mut lab, "bob");
        assert!(after >= 309 && before <= 316, "{asked}: {after} s to {before} s");
    }
}

#[test]
fn a_shorter_presence_timeout_than_5_seconds_counts_as_5() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 5, 0);
    let (after, before) = time_until_gone(&mut lab, "bob");
    assert!(after >= 14 && before <= 21, "{after} s to {before} s");
}

#[test]
fn a_longer_heartbeat_delays_the_loss_and_keeps_the_session() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 600, 5);
    // Not a packet for ten minutes, and nobody is lost.
    lab.run(secs(1_500));
    assert_eq!(present(&lab, "alice"), ["snapshot alice", "+bob"]);
    assert_eq!(lab.client("bob").links.len(), 2, "connecting, connected");
    let (after, before) = time_until_gone(&mut lab, "bob");
    assert!(after >= 14 && before <= 616, "{after} s to {before} s");
}

#[test]
fn who_is_back_in_time_was_never_away() {
    let mut lab = Lab::new(0.1);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 5, 60);
    // In the same session, and in another one by ticket: the session dies after 40 s.
    for outage in [30, 50] {
        lab.set_blackout("bob", true);
        lab.run(secs(outage));
        lab.set_blackout("bob", false);
        lab.run_until_link("bob", LinkState::Connected);
        lab.run(secs(120));
    }
    assert_eq!(present(&lab, "alice"), ["snapshot alice", "+bob"]);
    let again = "snapshot alice bob";
    assert_eq!(present(&lab, "bob"), [again, again], "a new session begins with a snapshot");
}

#[test]
fn who_is_back_too_late_sees_it_and_comes_anew() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 5, 5);
    // Gone after 20 s at most; the session lives for 40.
    lab.set_blackout("bob", true);
    lab.run(secs(25));
    lab.set_blackout("bob", false);
    lab.run(secs(15));
    assert_eq!(present(&lab, "alice"), ["snapshot alice", "+bob", "timeout bob", "+bob"]);
    assert_eq!(present(&lab, "bob"), ["snapshot alice bob", "timeout bob", "+bob"]);
    // And when the session is gone, too.
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(secs(5));
    assert_eq!(present(&lab, "alice")[4..], ["timeout bob", "+bob"]);
    assert_eq!(present(&lab, "bob").last().unwrap(), "snapshot alice bob");
}

#[test]
fn who_says_good_bye_is_gone_two_seconds_later() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    for user in ["bob", "carol"] {
        add(&mut lab, user, 5, 300);
    }
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.call("carol", Command::Logout).unwrap();
    lab.run(secs(1));
    assert_eq!(present(&lab, "alice").len(), 3, "they might come again");
    lab.run(secs(2));
    assert_eq!(present(&lab, "alice")[3..], ["-bob", "-carol"]);
    // Banned, and logged in elsewhere.
    add(&mut lab, "dave", 5, 300);
    lab.with_server(|server, now| {
        let (app, user) = (AppId::new(OPEN_APP).unwrap(), UserId::new("dave").unwrap());
        server.set_banned(now, app, user, true);
    });
    lab.run(secs(3));
    assert_eq!(present(&lab, "alice")[5..], ["+dave", "-dave"]);
    add(&mut lab, "eve", 5, 300);
    lab.add("eve elsewhere", OPEN_APP, "eve");
    lab.call("eve elsewhere", login("")).unwrap();
    lab.run(secs(3));
    assert_eq!(present(&lab, "alice")[7..], ["+eve", "-eve"]);
}

#[test]
fn who_is_quiet_is_not_told_of_and_who_does_not_ask_hears_nothing() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob", "carol"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    let with = |options| Command::Subscribe {
        channel: name("lobby"),
        options,
        handle: rtm_client::core::HandleId(1),
    };
    lab.call("bob", with(SubscribeOptions::new().quiet(true))).unwrap();
    lab.call("carol", with(SubscribeOptions::new().presence(false))).unwrap();
    lab.run(secs(1));
    assert_eq!(present(&lab, "alice"), ["snapshot alice", "+carol"]);
    assert_eq!(present(&lab, "bob"), ["snapshot alice", "+carol"]);
    assert_eq!(present(&lab, "carol"), [""; 0]);
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn stream_channels_have_presence_of_their_own() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob", "carol"]);
    lab.call("alice", join("town", 1)).unwrap();
    lab.call("bob", join("town", 1)).unwrap();
    let options = JoinOptions::new().options(SubscribeOptions::new().quiet(true));
    let quiet =
        Command::Join { channel: name("town"), options, handle: rtm_client::core::HandleId(1) };
    lab.call("carol", quiet).unwrap();
    lab.call("bob", leave("town")).unwrap();
    lab.run(secs(2));
    assert_eq!(present(&lab, "alice"), ["snapshot alice", "+bob", "-bob"]);
    assert_eq!(present(&lab, "carol")[0], "snapshot alice bob");
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn a_server_that_starts_anew_tells_who_is_there_anew() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 5, 300);
    lab.restart_server();
    for user in ["alice", "bob"] {
        lab.run_until_link(user, LinkState::Disconnected);
        lab.run_until_link(user, LinkState::Connected);
    }
    lab.run(secs(2));
    for user in ["alice", "bob"] {
        let told = present(&lab, user);
        let snapshot = told.iter().rposition(|text| text.starts_with("snapshot")).unwrap();
        let both = told[snapshot] == "snapshot alice bob";
        assert!(both || told.last().unwrap().starts_with('+'), "{user}: {told:?}");
    }
}

#[test]
fn who_came_back_by_ticket_keeps_its_presence_timeout() {
    let mut lab = Lab::new(0.0);
    add(&mut lab, "alice", 5, 300);
    add(&mut lab, "bob", 5, 60);
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(secs(5));
    assert_eq!(lab.status().gateway.resumptions, 1);
    let (after, before) = time_until_gone(&mut lab, "bob");
    assert!(after >= 69 && before <= 76, "{after} s to {before} s");
}

#[test]
fn a_good_bye_counts_although_the_last_packets_are_lost() {
    let mut lab = Lab::new(0.0);
    for user in ["alice", "bob"] {
        add(&mut lab, user, 5, 300);
    }
    lab.command("bob", Command::Logout);
    // It takes 20 ms to the server, and the answer never comes.
    lab.run(Duration::from_millis(25));
    lab.set_blackout("bob", true);
    lab.run(secs(3));
    assert_eq!(present(&lab, "alice").last().unwrap(), "-bob");
}
