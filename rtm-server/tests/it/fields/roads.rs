//! Transport, parallel driving, smart city.

use std::time::Duration;

use rtm_client::{LinkState, Priority, Qos, Reached, TopicEvent, TopicOptions};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::super::server::OPEN_APP;
use super::super::world::{
    Lab, channel, join, join_topic_with, link, open_inbox, publication, publish, subscribe,
    subscribe_topic, user,
};
use super::{
    LOSS, a, crowd, each, file, got, got_topic, lab, last_of, millis, said, secs, send_file, whole,
};

const FLEET: u64 = 1;
const OWN: u64 = 2;
const INBOX: u64 = 3;
const HEARD: u64 = 4;

#[test]
fn a_dispatcher_sees_where_its_drivers_are_and_each_route_is_acknowledged() {
    let drivers = crowd("driver", 60);
    let mut lab = lab(&["dispatcher"]);
    lab.add_users(&each(&drivers));
    lab.call("dispatcher", join("fleet", FLEET)).unwrap();
    lab.call("dispatcher", subscribe_topic("fleet", "positions", &[], HEARD)).unwrap();
    lab.call("dispatcher", open_inbox(INBOX)).unwrap();
    for driver in &drivers {
        lab.call(driver, join("fleet", FLEET)).unwrap();
        lab.call(driver, open_inbox(INBOX)).unwrap();
        let options = TopicOptions::new().latest_only();
        lab.call(driver, join_topic_with("fleet", "positions", OWN, options)).unwrap();
    }
    // One drives through a tunnel.
    lab.set_blackout("driver3", true);
    for step in 0..30 {
        for driver in &drivers {
            let position = format!("48.{step} 11.{step}");
            lab.command(driver, a("position", publication(OWN), position));
        }
        lab.run(secs(1));
    }
    lab.set_blackout("driver3", false);
    for driver in &drivers {
        let route = format!("route of {driver}");
        let waiter = lab.command("dispatcher", a("route", user(driver), route));
        let published = lab.published("dispatcher", waiter).unwrap();
        assert_eq!(published.reached, Reached::Received, "{driver} has it");
    }
    let picture = file(20_000, 13);
    lab.call("driver5", a("picture", user("dispatcher"), &picture)).unwrap();
    lab.call("driver5", a("text", user("dispatcher"), "road closed")).unwrap();
    lab.run(secs(5));
    let dispatcher = lab.client("dispatcher");
    let positions = got_topic(dispatcher, HEARD, "position");
    for driver in &drivers {
        assert_eq!(last_of(&positions, driver).as_deref(), Some("48.29 11.29"), "{driver}");
        let routes = said(&got(lab.client(driver), INBOX, "route"));
        assert_eq!(routes, [format!("route of {driver}")]);
    }
    assert_eq!(got(dispatcher, INBOX, "picture"), [("driver5".to_owned(), picture)]);
    assert_eq!(said(&got(dispatcher, INBOX, "text")), ["road closed"]);
}

/// So many seconds of fifty commands each to a car: how many came, and how old the oldest was when
/// it came.
fn drive(lab: &mut Lab, seconds: u64) -> (u64, Duration) {
    const TICK: Duration = Duration::from_millis(5);
    let (mut heard, mut oldest) = (0, Duration::ZERO);
    let first = lab.client("car").topics.len();
    for tick in 0..seconds * 200 {
        if tick % 4 == 0 {
            lab.command("operator", a("command", publication(OWN), tick.to_string()));
        }
        lab.run(TICK);
        let topics = &lab.client("car").topics[first..];
        let fresh = topics.iter().filter_map(|(_, event)| match event {
            TopicEvent::Message(it) => Some(it.payload.clone()),
            _ => None,
        });
        let fresh: Vec<u64> =
            fresh.map(|it| std::str::from_utf8(&it).unwrap().parse().unwrap()).collect();
        assert!(fresh.is_sorted(), "in order");
        for sent in &fresh[heard..] {
            oldest = oldest.max(TICK * u32::try_from(tick + 1 - sent).unwrap());
        }
        heard = fresh.len();
    }
    (heard as u64, oldest)
}

#[test]
fn a_car_that_is_driven_from_afar_hears_no_old_command_and_notices_silence() {
    let deadline = millis(100);
    let mut lab = Lab::build(5, link().loss(0.3), AppLimits::hosted(), Config::server());
    for user in ["operator", "car"] {
        lab.add_with(user, OPEN_APP, user, |config| config.presence_timeout = secs(5));
        lab.log_in(user);
    }
    for one in ["operator", "car"] {
        lab.call(one, join("road", FLEET)).unwrap();
        lab.call(one, open_inbox(INBOX)).unwrap();
    }
    let options =
        TopicOptions::new().qos(Qos::Ordered).priority(Priority::Highest).deadline(deadline);
    lab.call("operator", join_topic_with("road", "drive", OWN, options)).unwrap();
    lab.call("car", subscribe_topic("road", "drive", &["operator"], HEARD)).unwrap();
    let (heard, oldest) = drive(&mut lab, 10);
    assert!(heard > 400, "of 500, at a loss of 30 % each way twice: {heard}");
    // The deadline counts at each of the two senders, and the way itself takes 40 ms.
    assert!(oldest <= deadline * 2 + millis(50), "{oldest:?}");
    // What isn't urgent goes beside it.
    let (route, picture) = (file(9_000, 14), file(30_000, 15));
    lab.call("operator", a("route", user("car"), &route)).unwrap();
    lab.call("car", a("picture", user("operator"), &picture)).unwrap();
    lab.call("car", a("position", user("operator"), "48.1 11.5")).unwrap();
    lab.call("car", a("text", user("operator"), "ice")).unwrap();
    lab.run(secs(3));
    assert_eq!(got(lab.client("car"), INBOX, "route"), [("operator".to_owned(), route)]);
    let operator = lab.client("operator");
    assert_eq!(got(operator, INBOX, "picture"), [("car".to_owned(), picture)]);
    assert_eq!(said(&got(operator, INBOX, "position")), ["48.1 11.5"]);
    assert_eq!(said(&got(operator, INBOX, "text")), ["ice"]);
    // Silence of the operator: what was on its way comes, nothing old later, and the car is told.
    lab.set_blackout("operator", true);
    lab.run(millis(500));
    let before = lab.client("car").topics.len();
    drive(&mut lab, 1);
    lab.run(secs(30));
    let car = lab.client("car");
    assert_eq!(car.topics.len(), before, "nothing old comes");
    assert!(car.present(FLEET).contains(&"timeout operator".to_owned()));
    // Silence of all: its link says so.
    lab.set_blackout("car", true);
    lab.run_until_link("car", LinkState::Disconnected);
}

#[test]
fn in_a_city_alarms_of_all_systems_arrive_in_sessions_that_last() {
    let systems = ["traffic", "water", "energy", "tram", "waste"];
    let people = crowd("person", 20);
    let mut lab = lab(&systems);
    lab.add_users(&["administration"]);
    lab.add_users(&each(&people));
    let all: Vec<&str> = systems.into_iter().chain(["administration"]).collect();
    for one in &all {
        lab.call(one, join("city", FLEET)).unwrap();
    }
    for (index, system) in (0..).zip(systems) {
        let options = TopicOptions::new().qos(Qos::Ordered).priority(Priority::Highest);
        lab.call(system, join_topic_with("city", system, OWN, options)).unwrap();
        lab.call("administration", subscribe_topic("city", system, &[], 10 + index)).unwrap();
    }
    for person in &people {
        lab.call(person, subscribe("notices", FLEET)).unwrap();
    }
    // A day, with something each hour.
    for hour in 0..24 {
        for system in systems {
            lab.call(system, a("alarm", publication(OWN), format!("{hour}: {system}"))).unwrap();
        }
        let notice = format!("notice {hour}");
        lab.call("administration", publish(channel("notices"), notice.as_bytes())).unwrap();
        lab.run(secs(3_600));
    }
    let (picture, plan) = (file(25_000, 16), file(60_000, 17));
    lab.call("administration", a("picture", channel("notices"), &picture)).unwrap();
    send_file(&mut lab, "administration", &channel("notices"), &plan);
    lab.run(secs(5));
    for (index, system) in (0..).zip(systems) {
        let alarms = said(&got_topic(lab.client("administration"), 10 + index, "alarm"));
        assert_eq!(alarms, (0..24).map(|hour| format!("{hour}: {system}")).collect::<Vec<_>>());
    }
    for person in &people {
        let client = lab.client(person);
        let notices: Vec<_> = (0..24).map(|hour| format!("notice {hour}")).collect();
        assert_eq!(said(&got(client, FLEET, "")), notices);
        assert_eq!(got(client, FLEET, "picture"), [("administration".to_owned(), picture.clone())]);
        assert_eq!(whole(&got(client, FLEET, "file")), plan);
        assert_eq!(client.links.len(), 2, "one session for a day, at a loss of {LOSS}");
    }
}
