//! A peer that isn't heard is told of before the session ends.

use rtm_session::Event;
use rtm_wire::Time;

use crate::pair::{CLIENT, Pair, SERVER, Setup, delay, ms};

/// What the server was told of silence since the last call.
fn told(pair: &mut Pair) -> Vec<Event> {
    let news = pair.world.with_node(SERVER, |host, _| std::mem::take(&mut host.news)).unwrap();
    let is_of_silence = |event: &Event| matches!(event, Event::Silent { .. } | Event::Heard { .. });
    news.into_iter().filter(is_of_silence).collect()
}

fn watch(pair: &mut Pair, limit: Option<u64>) {
    let session = pair.session(SERVER);
    pair.world
        .with_node(SERVER, |host, now| host.endpoint.watch_silence(now, session, limit.map(ms)))
        .unwrap();
}

fn blackout(pair: &mut Pair, cut: bool) {
    pair.world.network_mut().set_blackout(CLIENT, cut);
}

#[test]
fn silence_is_told_once_when_it_is_long_enough_and_so_is_its_end() {
    let mut pair = Setup::new(delay(30)).connected();
    watch(&mut pair, Some(15_000));
    pair.run(ms(60_000));
    assert_eq!(told(&mut pair), [], "pings are heard");

    let session = pair.session(SERVER);
    blackout(&mut pair, true);
    let cut = pair.world.now();
    pair.run(ms(14_000));
    assert_eq!(told(&mut pair), [], "14 s after the last ping at the latest");
    pair.run(ms(6_100));
    let silent = told(&mut pair);
    let [Event::Silent { session: of, since }] = silent[..] else { panic!("{silent:?}") };
    assert_eq!(of, session);
    let before: Time = cut + ms(31);
    assert!(since < before && before.saturating_since(since) < ms(5_100), "{since:?} {cut:?}");
    pair.run(ms(10_000));
    assert_eq!(told(&mut pair), [], "it is told once");

    blackout(&mut pair, false);
    pair.run(ms(9_000));
    assert_eq!(told(&mut pair), [Event::Heard { session }], "the session has survived");
    blackout(&mut pair, true);
    pair.run(ms(20_100));
    assert_eq!(told(&mut pair).len(), 1, "silence again is told again");
}

#[test]
fn nobody_is_told_who_has_not_asked() {
    let mut pair = Setup::new(delay(30)).connected();
    blackout(&mut pair, true);
    pair.run(ms(35_000));
    watch(&mut pair, Some(1_000));
    watch(&mut pair, None);
    pair.run(ms(1_000));
    assert_eq!(told(&mut pair), []);
}
