//! What users show, when sessions are lost and come back.

use std::time::Duration;

use rtm_client::{ChannelId, LinkState};
use rtm_server::AppLimits;

use super::server::OPEN_APP;
use super::states::{SHORT, in_lobby, lobby, remove, set, states, told};
use super::world::{Lab, subscribe, unsubscribe};

#[test]
fn who_comes_back_in_time_still_shows_it_and_nobody_has_noticed() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", set(lobby(), &[("mood", "well")])).unwrap();
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(5));
    assert_eq!(told(&lab, "alice")[1..], ["+bob", "bob(mood=well)"], "a session was lost");
    assert_eq!(told(&lab, "bob").last().unwrap(), "snapshot alice bob(mood=well)");
    // What is changed while out of reach is told when it is back; what was removed is gone.
    lab.call("bob", set(lobby(), &[("hand", "up")])).unwrap();
    lab.set_blackout("bob", true);
    lab.run(Duration::from_secs(60));
    lab.call("bob", remove(lobby(), &["mood"])).unwrap();
    lab.call("bob", set(lobby(), &[("hand", "down")])).unwrap();
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(5));
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "bob(hand=down)");
    assert_eq!(told(&lab, "alice").last().unwrap(), "bob(hand=down)");
}

#[test]
fn a_good_bye_that_is_lost_with_the_session_ends_what_was_shown_all_the_same() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", set(lobby(), &[("mood", "well")])).unwrap();
    lab.set_blackout("bob", true);
    lab.command("bob", unsubscribe("lobby"));
    lab.run_until_link("bob", LinkState::Disconnected);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    lab.run(SHORT);
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "bob");
    lab.call("bob", set(lobby(), &[("hand", "up")])).unwrap();
    lab.run(SHORT);
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "bob(hand=up)");
}

#[test]
fn who_comes_back_too_late_comes_anew_and_shows_it_again() {
    let mut lab = Lab::new(0.0);
    lab.add_users(&["alice"]);
    lab.add_with("bob", OPEN_APP, "bob", |config| {
        config.presence_timeout = Duration::from_secs(5);
    });
    lab.log_in("bob");
    for user in ["alice", "bob"] {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    lab.call("bob", set(lobby(), &[("mood", "well")])).unwrap();
    // The session lives on, and its presence does not.
    lab.set_blackout("bob", true);
    lab.run(Duration::from_secs(25));
    lab.set_blackout("bob", false);
    lab.run(Duration::from_secs(10));
    let back = ["timeout bob", "+bob", "bob(mood=well)"];
    assert_eq!(told(&lab, "alice")[3..], back);
    // And when the session is gone, too.
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(5));
    assert_eq!(told(&lab, "alice")[6..], back);
}

#[test]
fn who_shows_much_shows_all_of_it_again_though_the_rate_refuses_some() {
    let mut lab = Lab::new(0.0);
    lab.add_users(&["alice"]);
    lab.add_with("bob", OPEN_APP, "bob", |config| {
        config.presence_timeout = Duration::from_secs(5);
    });
    lab.log_in("bob");
    let names: Vec<_> = (0..30).map(|number| format!("c{number}")).collect();
    for name in &names {
        lab.run(Duration::from_millis(100));
        for user in ["alice", "bob"] {
            lab.call(user, subscribe(name, 1)).unwrap();
        }
        lab.call("bob", set(ChannelId::message(name).unwrap(), &[("mood", "well")])).unwrap();
    }
    // With a new session it comes to all of them at once.
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(10));
    for name in &names {
        lab.run(Duration::from_millis(100));
        let channel = ChannelId::message(name).unwrap();
        assert_eq!(states(&mut lab, "alice", channel, "bob"), "bob(mood=well)", "{name}");
    }
}
