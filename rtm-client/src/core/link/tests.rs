//! Every phase and every input against a written table, and the times of attempts.

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;

use super::*;

const fn at(secs: u64) -> Time {
    Time::from_micros(secs * 1_000_000)
}

fn chance() -> ChaCha12Rng {
    ChaCha12Rng::from_seed([1; 32])
}

/// A link in each phase at second 1,000: name, and how it got there.
fn links() -> Vec<(&'static str, Link)> {
    let lost = Input::Lost(LinkReason::ConnectionError);
    let refused = Input::Refused(LinkReason::TokenExpired);
    let rows: [(&str, &[(u64, Input)]); 8] = [
        ("idle", &[]),
        ("logging in", &[(1_000, Input::Login)]),
        ("connected", &[(1_000, Input::Login), (1_000, Input::Accepted)]),
        ("disconnected", &[(999, Input::Login), (999, Input::Accepted), (999, lost)]),
        (
            "retrying",
            &[(990, Input::Login), (990, Input::Accepted), (990, lost), (1_000, Input::Tick)],
        ),
        (
            "suspended",
            &[
                (800, Input::Login),
                (800, Input::Accepted),
                (800, lost),
                (801, Input::Tick),
                (960, lost),
            ],
        ),
        (
            "retrying late",
            &[
                (700, Input::Login),
                (700, Input::Accepted),
                (700, lost),
                (701, Input::Tick),
                (830, lost),
                (1_000, Input::Tick),
            ],
        ),
        ("failed", &[(1_000, Input::Login), (1_000, refused)]),
    ];
    let build = |(name, inputs): (&'static str, &[(u64, Input)])| {
        let mut link = Link::new(None);
        for &(secs, input) in inputs {
            assert!(link.on(at(secs), input, &mut chance()).is_some(), "{name}: {input:?}");
        }
        (name, link)
    };
    rows.map(build).into()
}

#[test]
fn every_phase_takes_every_input_as_written() {
    use LinkOperation as O;
    use LinkReason as R;
    use LinkState::{Connected, Connecting, Disconnected, Failed, Idle, Suspended};
    let inputs = [
        Input::Login,
        Input::LoggedOut,
        Input::Accepted,
        Input::Refused(R::InvalidToken),
        Input::Lost(R::KeepAliveTimeout),
        Input::Tick,
    ];
    let out = Some((Idle, O::Logout, R::Logout));
    let no = Some((Failed, O::ServerReject, R::InvalidToken));
    let back = Some((Connected, O::Reconnected, R::ReconnectSuccess));
    let again = Some((Connecting, O::AutoReconnect, R::AutoReconnect));
    let lost = Some((Disconnected, O::HeartbeatLost, R::KeepAliveTimeout));
    let login = Some((Connecting, O::Login, R::Login));
    let relogin = Some((Connecting, O::Login, R::Relogin));
    let timeout = Some((Failed, O::ServerTimeout, R::LoginTimeout));
    let accepted = Some((Connected, O::Login, R::LoginSuccess));
    let late = Some((Suspended, O::HeartbeatLost, R::KeepAliveTimeout));
    // Login, logged out, accepted, refused, lost, tick.
    let table = [
        ("idle", [login, None, None, None, None, None]),
        ("logging in", [None, out, accepted, no, timeout, None]),
        ("connected", [None, out, None, no, lost, None]),
        ("disconnected", [relogin, out, None, None, None, again]),
        ("retrying", [None, out, back, no, lost, None]),
        ("suspended", [relogin, out, None, None, None, again]),
        ("retrying late", [None, out, back, no, late, None]),
        ("failed", [login, out, None, None, None, None]),
    ];
    for ((name, link), (row, expected)) in links().into_iter().zip(table) {
        assert_eq!(name, row);
        for (input, expected) in inputs.into_iter().zip(expected) {
            let phase = link.phase.clone();
            let mut link = Link { phase, reconnect_timeout: None, is_hurried: false };
            let previous = link.state();
            let step = link.on(at(1_000), input, &mut chance());
            // It was lost ten seconds ago, or more than two minutes.
            let is_resumed = name == "retrying" && input == Input::Accepted;
            let expected = expected.map(|(current, operation, reason)| Step {
                previous,
                current,
                operation,
                reason,
                is_resumed,
            });
            assert_eq!(step, expected, "{name}, {input:?}");
            assert_eq!(link.state(), expected.map_or(previous, |step| step.current), "{name}");
        }
    }
}

/// Seconds after the loss at which attempts begin, when each fails at once.
fn attempts(timeout: Option<u64>, until: u64) -> (Vec<u64>, LinkState) {
    let mut link = Link::new(timeout.map(Duration::from_secs));
    let mut chance = chance();
    for input in [Input::Login, Input::Accepted, Input::Lost(LinkReason::ConnectionError)] {
        link.on(at(0), input, &mut chance);
    }
    let mut attempts = Vec::new();
    while let Some(due) = link.deadline().filter(|&due| due <= at(until)) {
        assert_eq!(link.on(due - Duration::from_micros(1), Input::Tick, &mut chance), None);
        link.on(due, Input::Tick, &mut chance);
        if let Phase::Retrying { .. } = link.phase() {
            attempts.push(due.as_micros() / 1_000_000);
            link.on(due, Input::Lost(LinkReason::ConnectionError), &mut chance);
        }
    }
    (attempts, link.state())
}

#[test]
fn attempts_come_soon_then_seldom_and_for_ever() {
    let (attempts, state) = attempts(None, 1_000);
    assert_eq!(state, LinkState::Suspended);
    let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(attempts[0], 0, "the first comes within a second");
    for (pause, least) in pauses.iter().zip([2, 4, 8, 16, 16]) {
        assert!((least..=least + 1).contains(pause), "{pauses:?}");
    }
    let late: Vec<_> = attempts.iter().skip_while(|&&secs| secs < 137).collect();
    for pair in late.windows(2) {
        assert!((30..=35).contains(&(pair[1] - pair[0])), "{late:?}");
    }
}

#[test]
fn the_client_gives_up_at_the_reconnect_timeout() {
    for (timeout, least) in [(15, 3), (3_600, 50)] {
        let (attempts, state) = attempts(Some(timeout), 10_000);
        assert_eq!(state, LinkState::Failed);
        assert!(attempts.len() >= least, "{attempts:?}");
        assert!(attempts.iter().all(|&secs| secs < timeout), "{attempts:?}");
    }
}

/// Seconds after the login at which its attempts begin, when each fails at once; all that users
/// see.
fn login_attempts(timeout: Option<u64>) -> (Vec<u64>, Vec<LinkState>) {
    let mut link = Link::new(timeout.map(Duration::from_secs));
    let mut chance = chance();
    let lost = Input::Lost(LinkReason::ConnectionError);
    let (mut attempts, mut seen) = (Vec::new(), Vec::new());
    let mut now = at(0);
    let mut next = Input::Login;
    loop {
        seen.extend(link.on(now, next, &mut chance).map(|step| step.current));
        if !matches!(link.phase(), Phase::LoggingIn { .. }) {
            return (attempts, seen);
        }
        attempts.push(now.as_micros() / 1_000_000);
        seen.extend(link.on(now, lost, &mut chance).map(|step| step.current));
        let Some(due) = link.deadline() else { return (attempts, seen) };
        assert_eq!(link.state(), LinkState::Connecting);
        assert_eq!(link.on(due - Duration::from_micros(1), Input::Tick, &mut chance), None);
        (now, next) = (due, Input::Tick);
    }
}

#[test]
fn a_login_is_tried_for_the_reconnect_timeout_and_once_without_one() {
    let seen = [LinkState::Connecting, LinkState::Failed];
    assert_eq!(login_attempts(None), (vec![0], seen.to_vec()));
    for (timeout, least) in [(15, 4), (3_600, 100)] {
        let (attempts, states) = login_attempts(Some(timeout));
        assert_eq!(states, seen, "attempts and pauses look like one");
        assert!(attempts.len() >= least, "{attempts:?}");
        assert!(attempts.iter().all(|&secs| secs < timeout), "{attempts:?}");
    }
}

#[test]
fn a_pause_of_a_login_ends_with_another_login_a_hurry_or_a_logout() {
    let paused = || {
        let mut link = Link::new(Some(Duration::from_secs(15)));
        for input in [Input::Login, Input::Lost(LinkReason::ConnectionError)] {
            link.on(at(0), input, &mut chance());
        }
        assert!(matches!(link.phase(), Phase::LoggingPause { .. }));
        link
    };
    let mut link = paused();
    assert_eq!(link.on(at(0), Input::Login, &mut chance()), None, "nobody sees it");
    assert!(matches!(link.phase(), Phase::LoggingIn { .. }));
    let mut link = paused();
    assert!(link.hurry(at(0)));
    assert_eq!(link.deadline(), Some(at(0)));
    let out = paused().on(at(0), Input::LoggedOut, &mut chance());
    assert_eq!(out.map(|step| step.current), Some(LinkState::Idle));
}

#[test]
fn an_attempt_that_a_change_of_the_network_has_hurried_says_so_once() {
    let mut link = Link::new(None);
    let lost = Input::Lost(LinkReason::ConnectionError);
    let mut operations = Vec::new();
    for input in [Input::Login, Input::Accepted, lost] {
        operations.extend(link.on(at(0), input, &mut chance()).map(|step| step.operation));
    }
    assert!(link.hurry(at(0)));
    for input in [Input::Tick, lost] {
        operations.extend(link.on(at(0), input, &mut chance()).map(|step| step.operation));
    }
    let due = link.deadline().expect("it tries again");
    operations.extend(link.on(due, Input::Tick, &mut chance()).map(|step| step.operation));
    use LinkOperation as O;
    let expected = [O::ServerTimeout, O::NetworkChange, O::ServerTimeout, O::AutoReconnect];
    assert_eq!(operations[2..], expected);
}

#[test]
fn who_is_back_within_two_minutes_has_resumed() {
    for (secs, expected) in [(119, true), (120, false)] {
        let mut link = Link::new(None);
        let lost = Input::Lost(LinkReason::ConnectionError);
        for (at_secs, input) in
            [(0, Input::Login), (0, Input::Accepted), (0, lost), (2, Input::Tick)]
        {
            link.on(at(at_secs), input, &mut chance());
        }
        let step = link.on(at(secs), Input::Accepted, &mut chance()).expect("it is back");
        assert_eq!(step.is_resumed, expected, "{secs}");
    }
}
