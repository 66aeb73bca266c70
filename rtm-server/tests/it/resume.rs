//! Coming back with a ticket: real client, real server, simulated network.

use std::time::Duration;

use rtm_channel::{AppId, UserId};
use rtm_client::core::Command;
use rtm_client::{ErrorKind, LinkReason, LinkState};
use rtm_server::{AppLimits, Settings, TicketSettings};
use rtm_session::{Config, StaticKey, TicketConfig};
use rtm_token::Service;
use rtm_wire::{ErrorCode, Leave, SubscribeOptions};

use super::raw::{self, encode};
use super::server::{APP, OPEN_APP, token};
use super::tokens::long_token;
use super::world::{Lab, SERVER, channel, join, link, login, name, subscribe};

/// A lab whose servers take each other's tickets, as those with one key do.
fn lab(loss: f64) -> Lab {
    let session = Config::server().tickets(TicketConfig::default().secret([5; 32]));
    Lab::build(11, link().loss(loss), AppLimits::hosted(), session)
}

/// The client misses the server for as long as it takes, and comes back.
fn lose_and_return(lab: &mut Lab, user: &str) {
    let address = lab.address(user);
    lab.world.network_mut().set_blackout(address, true);
    lab.run_until_link(user, LinkState::Disconnected);
    lab.world.network_mut().set_blackout(address, false);
    lab.run_until_link(user, LinkState::Connected);
    lab.run(Duration::from_secs(1));
}

#[test]
fn a_client_comes_back_by_ticket_and_has_all_that_it_had() {
    for loss in [0.0, 0.3] {
        let mut lab = lab(loss);
        lab.add_users(&["alice", "bob"]);
        lab.call("alice", subscribe("lobby", 1)).unwrap();
        for round in 1..=3 {
            lose_and_return(&mut lab, "alice");
            lab.run(Duration::from_secs(5));
            assert_eq!(lab.status().gateway.resumptions, round, "loss {loss}");
            assert!(lab.client("alice").links.last().unwrap().is_restored);
            let waiter = lab.publish("bob", channel("lobby"), "hi");
            lab.published("bob", waiter).unwrap();
            lab.run(Duration::from_secs(5));
        }
        assert_eq!(lab.client("alice").heard(1), ["bob 1: hi", "bob 2: hi", "bob 3: hi"]);
        assert!(lab.client("alice").limits.is_some());
    }
}

#[test]
fn resuming_ones_own_instance_is_no_login_elsewhere() {
    let mut lab = lab(0.0);
    lab.add_users(&["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    // The server hears nothing of the loss, so it has the older session still.
    let alice = lab.address("alice");
    lab.world.network_mut().set_partition(SERVER, alice, true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.world.network_mut().set_partition(SERVER, alice, false);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(60));
    let status = lab.status();
    assert_eq!((status.gateway.resumptions, status.sessions), (1, 1));
    let reasons = lab.client("alice").link_states();
    assert!(reasons.iter().all(|(_, reason)| *reason != LinkReason::SameUidLogin), "{reasons:?}");
}

#[test]
fn a_resumption_drives_out_another_instance_as_a_login_does() {
    let mut lab = lab(0.0);
    lab.add_users(&["alice"]);
    let alice = lab.address("alice");
    lab.world.network_mut().set_blackout(alice, true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.add("elsewhere", OPEN_APP, "alice");
    lab.log_in("elsewhere");
    lab.world.network_mut().set_blackout(alice, false);
    lab.run_until_link("elsewhere", LinkState::Failed);
    assert_eq!(lab.status().gateway.resumptions, 1);
    let last = *lab.client("elsewhere").link_states().last().unwrap();
    assert_eq!(last.1, LinkReason::SameUidLogin);
}

#[test]
fn a_ban_stops_a_resumption_and_ends_the_session() {
    let (app, user) = (AppId::new(OPEN_APP).unwrap(), UserId::new("alice").unwrap());
    let mut lab = lab(0.0);
    lab.add_users(&["alice"]);
    let alice = lab.address("alice");
    lab.world.network_mut().set_blackout(alice, true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.with_server(|server, now| server.set_banned(now, app.clone(), user.clone(), true));
    lab.world.network_mut().set_blackout(alice, false);
    lab.run_until_link("alice", LinkState::Failed);
    let event = lab.client("alice").links.last().unwrap();
    assert_eq!(event.reason, LinkReason::LoginRejected);
    let status = lab.status();
    assert_eq!((status.gateway.resumptions, status.gateway.logins_refused), (0, 1));

    // And who is there has to go, and can't log in.
    lab.with_server(|server, now| server.set_banned(now, app.clone(), user.clone(), false));
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        lab.log_in("alice");
        // At first the proof is still on its way, and the login doesn't count yet.
        lab.run(pause);
        lab.with_server(|server, now| server.set_banned(now, app.clone(), user.clone(), true));
        lab.run_until_link("alice", LinkState::Failed);
        assert_eq!(lab.code("alice", login("")), -10_012);
        lab.with_server(|server, now| server.set_banned(now, app.clone(), user.clone(), false));
    }
    assert_eq!(lab.status().sessions, 0);
}

#[test]
fn a_ticket_ends_with_its_token() {
    for (wait, outcome) in [(0, LinkState::Connected), (70, LinkState::Failed)] {
        let mut lab = lab(0.0);
        lab.add("alice", APP, "alice");
        lab.call("alice", login(&token(100, Service::rtm("alice", 3_600)))).unwrap();
        lab.run(Duration::from_secs(1));
        let alice = lab.address("alice");
        lab.world.network_mut().set_blackout(alice, true);
        lab.run_until_link("alice", LinkState::Disconnected);
        lab.run(Duration::from_secs(wait));
        lab.world.network_mut().set_blackout(alice, false);
        lab.run_until_link("alice", outcome);
        lab.run(Duration::from_secs(1));
        let status = lab.status();
        let resumptions = u64::from(outcome == LinkState::Connected);
        assert_eq!(status.gateway.resumptions, resumptions, "after {wait} s");
        assert_eq!(status.endpoint.no_ticket, 0, "the client knows that it has ended");
        // A resumed session ends with the token, too.
        lab.run_until_link("alice", LinkState::Failed);
        let last = *lab.client("alice").link_states().last().unwrap();
        assert_eq!(last.1, LinkReason::TokenExpired);
        assert_eq!(lab.status().sessions, 0);
    }
}

#[test]
fn another_token_is_not_overruled_by_an_old_ticket() {
    let mut lab = lab(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(1_000, Service::rtm("alice", 3_600)))).unwrap();
    lab.run(Duration::from_secs(1));
    let alice = lab.address("alice");
    lab.world.network_mut().set_blackout(alice, true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.world.network_mut().set_blackout(alice, false);
    lab.call("alice", login(&token(2_000, Service::rtm("alice", 3_600)))).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.status().gateway.resumptions, 0);
    lab.run(Duration::from_secs(1_500));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
}

#[test]
fn after_a_restart_tickets_count_gaps_are_named_and_outcomes_unknown() {
    for loss in [0.0, 0.2] {
        let mut lab = lab(loss);
        lab.add_users(&["alice", "bob"]);
        lab.call("alice", subscribe("lobby", 1)).unwrap();
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        let waiter = lab.publish("bob", channel("lobby"), "before");
        lab.published("bob", waiter).unwrap();
        lab.run(Duration::from_secs(5));
        // On its way when the server dies.
        let bob = lab.address("bob");
        lab.world.network_mut().set_partition(SERVER, bob, true);
        let open = lab.publish("bob", channel("lobby"), "open");
        lab.run(Duration::from_secs(1));
        lab.restart_server();
        lab.world.network_mut().set_partition(SERVER, bob, false);
        let error = lab.published("bob", open).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        lab.run(Duration::from_secs(60));
        for user in ["alice", "bob"] {
            lab.run_until_link(user, LinkState::Connected);
            assert!(lab.client(user).links.last().unwrap().is_restored);
        }
        lab.run(Duration::from_secs(2));
        let gateway = lab.status().gateway;
        assert_eq!((gateway.resumptions, gateway.logins), (2, 2), "loss {loss}");
        let waiter = lab.publish("bob", channel("lobby"), "after");
        lab.published("bob", waiter).unwrap();
        lab.run(Duration::from_secs(5));
        let heard = lab.client("alice").heard(1);
        // Nobody can know how much of the former epoch is missing.
        let expected: [&[&str]; 2] = [
            &["bob 1: before", "bob 2: open", "gap of unknown size", "bob 1: after"],
            &["bob 1: before", "gap of unknown size", "bob 1: after"],
        ];
        assert!(
            expected.contains(&&*heard.iter().map(String::as_str).collect::<Vec<_>>()),
            "{heard:?}"
        );
    }
}

#[test]
fn a_server_with_another_secret_gets_a_login_and_nobody_notices() {
    let mut lab = lab(0.0);
    lab.add_users(&["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.session = Config::server();
    lab.restart_server();
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    let status = lab.status();
    assert_eq!((status.gateway.resumptions, status.gateway.logins), (0, 1));
    // Each copy of the first flight is told so.
    assert!(status.endpoint.no_ticket >= 1);
    assert!(lab.client("alice").links.last().unwrap().is_restored);
}

#[test]
fn a_long_session_has_a_ticket_that_still_counts() {
    let mut lab = lab(0.0);
    lab.add_users(&["alice"]);
    lab.run(Duration::from_secs(5 * 3_600));
    lose_and_return(&mut lab, "alice");
    let status = lab.status();
    assert_eq!((status.gateway.resumptions, status.endpoint.no_ticket), (1, 0));
}

#[test]
fn a_token_too_long_for_the_handshake_is_not_needed_to_come_back() {
    let mut lab = lab(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&long_token("alice"))).unwrap();
    lab.run(Duration::from_secs(1));
    lose_and_return(&mut lab, "alice");
    assert_eq!(lab.status().gateway.resumptions, 1);
    // Without a ticket that counts it follows as before.
    lab.session = Config::server();
    lab.restart_server();
    lose_and_return(&mut lab, "alice");
    let status = lab.status();
    assert_eq!((status.gateway.resumptions, status.gateway.logins), (0, 1));
}

fn settings(tickets: impl FnOnce(&mut TicketSettings)) -> Config {
    let mut settings = Settings::default();
    tickets(&mut settings.tickets);
    let tickets = settings.tickets(&StaticKey::from_bytes([6; 32])).expect("in range");
    Config::server().tickets(tickets)
}

#[test]
fn another_generation_ends_all_tickets_and_the_same_one_none() {
    let mut lab = Lab::build(11, link(), AppLimits::hosted(), settings(|_| {}));
    lab.add_users(&["alice"]);
    for (generation, is_resumed) in [(0, 1), (1, 0), (1, 1), (0, 0)] {
        lab.session = settings(|tickets| tickets.generation = generation);
        lab.restart_server();
        lose_and_return(&mut lab, "alice");
        let status = lab.status();
        let came_back = (status.gateway.logins, status.gateway.resumptions);
        assert_eq!(came_back, (1, is_resumed), "generation {generation}");
    }
}

#[test]
fn tickets_of_short_lived_keys_are_renewed_in_time() {
    let session = settings(|tickets| {
        tickets.rotation_seconds = 60;
        tickets.overlap_seconds = 60;
    });
    let mut lab = Lab::build(11, link(), AppLimits::hosted(), session);
    lab.add_users(&["alice"]);
    for round in 1..=3 {
        lab.run(Duration::from_secs(217));
        lose_and_return(&mut lab, "alice");
        assert_eq!(lab.status().gateway.resumptions, round);
    }
}

#[test]
fn a_logout_takes_the_ticket_along() {
    let mut lab = lab(0.0);
    lab.add_users(&["alice"]);
    lab.call("alice", Command::Logout).unwrap();
    lab.log_in("alice");
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.status().gateway.resumptions, 0);
}

/// What a client may do that sends early data; this project's own sends none.
#[test]
fn early_requests_wait_for_the_proof_and_only_replay_safe_ones_are_carried_out() {
    let mut lab = lab(0.0);
    lab.add_raw_user("alice", Config::default());
    lab.run(Duration::from_secs(1));
    let options = SubscribeOptions { messages: true, ..SubscribeOptions::default() };
    let lobby = rtm_wire::ChannelRef { kind: rtm_wire::ChannelKind::Message, name: "lobby" };
    let early = [
        encode(1, rtm_wire::Subscribe { channel: lobby, options, resume: None }),
        encode(2, Leave { channel: "town" }),
    ];
    let channels = lab.status().channels;
    lab.with_raw("alice", |raw, now| raw.resume(now, &early, &encode(0, raw::login("alice", 1))));
    // The answer is on its way, and the proof isn't here.
    lab.run(Duration::from_millis(30));
    assert_eq!(lab.status().channels, channels);
    assert_eq!(lab.status().gateway.resumptions, 0);
    lab.run(Duration::from_millis(500));
    assert_eq!(lab.status().gateway.resumptions, 1);
    assert_eq!(lab.raw("alice").codes(1), [ErrorCode::OK]);
    assert_eq!(lab.raw("alice").codes(2), [ErrorCode::SERVICE_NOT_SUPPORTED]);
    assert_eq!(lab.status().channels, channels + 1);
}

#[test]
fn memberships_and_topics_come_back_by_ticket_too() {
    let mut lab = lab(0.1);
    lab.add_users(&["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 3)).unwrap();
    }
    lose_and_return(&mut lab, "alice");
    assert!(lab.client("alice").links.last().unwrap().is_restored);
    let command = Command::Leave { channel: name("town") };
    lab.call("alice", command).unwrap();
}
