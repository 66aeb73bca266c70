//! The file is what it says it is.

use super::file::TEMPLATE;
use super::*;
use crate::services::Services;

fn settings(text: &str) -> Settings {
    Settings::parse(text).expect(text)
}

#[test]
fn the_template_says_the_defaults_and_every_option_exists() {
    assert_eq!(settings(TEMPLATE), Settings::default());
    let is_option = |line: &&str| {
        let text = line.trim_start_matches('#');
        line.starts_with('#')
            && (text.starts_with("[[") || text.contains(" = "))
            && !text.starts_with(' ')
    };
    let set: String = TEMPLATE
        .lines()
        .filter(|line| is_option(line) || line.starts_with('['))
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    let all = settings(&set);
    assert_eq!(all.session, SessionSettings::default());
    assert_eq!(all.tickets, TicketSettings::default());
    assert_eq!(all.services, Services::all());
    assert_eq!(all.limits(false).expect("in range"), AppLimits::hosted());
    assert_eq!(all.listen(false), DEFAULT_LISTEN.parse().expect("an address"));
    assert_eq!(all.access().expect("good").apps().count(), 1);
    for (key, value) in LimitSettings::listed(&AppLimits::hosted()) {
        let line = format!("#{} = {value}\n", key.trim_start_matches("limits."));
        assert!(TEMPLATE.contains(&line), "{line}");
    }
}

#[test]
fn presets_and_single_limits_go_together() {
    let limits = |text, is_dev| settings(text).limits(is_dev).expect("in range");
    assert_eq!(limits("", false), AppLimits::hosted());
    assert_eq!(limits("", true), AppLimits::open());
    assert_eq!(limits("preset = \"hosted\"", true), AppLimits::hosted());
    let changed = limits("preset = \"open\"\n[limits]\nmessages-per-second = 7", false);
    assert_eq!(changed.channel.messages_per_second, 7);
    assert_eq!(changed.topic, AppLimits::open().topic);
}

#[test]
fn each_service_has_a_switch() {
    let switches = |it: Services| {
        [
            ("presence", it.presence),
            ("storage", it.storage),
            ("channel-metadata-events", it.channel_metadata_events),
            ("user-metadata-events", it.user_metadata_events),
            ("locks", it.locks),
            ("stream", it.stream),
        ]
    };
    for (name, _) in switches(Services::all()) {
        let text = format!("[services]\n{name} = false");
        let services = settings(&text).limits(false).expect("good").services;
        for (other, is_on) in switches(services) {
            assert_eq!(is_on, other != name, "{other} without {name}");
        }
    }
}

#[test]
fn limits_of_presence_are_taken_at_their_ends_and_refused_beyond() {
    let limits =
        |key: &str, value: u32| settings(&format!("[limits]\n{key} = {value}")).limits(false);
    for (key, least, most) in [
        ("presence-announced", 8, 128),
        ("presence-interval-seconds", 5, 300),
        ("presence-snapshot-users", 1, 10_000),
        ("presence-debounce-seconds", 0, 60),
        ("presence-states", 1, 128),
        ("presence-key-bytes", 1, 255),
        ("presence-value-bytes", 1, 16_384),
        ("presence-states-bytes", 1, 65_536),
        ("presence-page-users", 1, 1_000),
        ("presence-calls-per-second", 1, 1_000_000),
    ] {
        for value in [least, most] {
            assert!(limits(key, value).is_ok(), "{key} = {value}");
        }
        for value in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
            let error = limits(key, value).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains(&value.to_string()), "{error}");
        }
    }
}

#[test]
fn limits_of_metadata_are_taken_at_their_ends_and_refused_beyond() {
    let limits =
        |key: &str, value: u64| settings(&format!("[limits]\n{key} = {value}")).limits(false);
    for (key, most) in [
        ("storage-key-bytes", 255),
        ("storage-value-bytes", 65_536),
        ("storage-set-bytes", 2_097_152),
        ("storage-items", 4_096),
        ("storage-writes-per-second", 1_000_000),
        ("storage-user-subscriptions", 10_000),
        ("storage-page", 1_000),
        ("storage-reads-per-second", 1_000_000),
        ("storage-sets", 100_000_000),
        ("storage-bytes", 1_099_511_627_776),
    ] {
        for value in [1, most] {
            assert!(limits(key, value).is_ok(), "{key} = {value}");
        }
        for value in [0, most + 1] {
            let error = limits(key, value).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains(&value.to_string()), "{error}");
        }
    }
    let changed = limits("storage-items", 7).expect("in range").channel;
    assert_eq!((changed.storage_items, changed.storage_page), (7, 1_000));
}

#[test]
fn limits_of_locks_are_taken_at_their_ends_and_refused_beyond() {
    let limits =
        |key: &str, value: u64| settings(&format!("[limits]\n{key} = {value}")).limits(false);
    for (key, least, most) in [
        ("locks", 1, 400),
        ("locks-of-app", 1, 100_000_000),
        ("lock-calls-per-second", 1, 1_000_000),
        // Each end of the TTL is bounded by the other one, 10 and 300 s in this preset.
        ("lock-ttl-min-seconds", 1, 300),
        ("lock-ttl-max-seconds", 10, 86_400),
    ] {
        for value in [least, most] {
            assert!(limits(key, value).is_ok(), "{key} = {value}");
        }
        for value in [least - 1, most + 1] {
            assert!(limits(key, value).is_err(), "{key} = {value}");
        }
    }
    let both = "[limits]\nlock-ttl-min-seconds = 7\nlock-ttl-max-seconds = 7";
    let changed = settings(both).limits(false).expect("in range").channel;
    assert_eq!((changed.lock_ttl_min, changed.lock_ttl_max, changed.locks), (7, 7, 32));
    let error = limits("lock-ttl-min-seconds", 301).expect_err("beyond the longest").to_string();
    assert!(error.contains("lock-ttl-max-seconds") && error.contains("301"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for text in ["listen = 7", "lisent = \"0.0.0.0:1\"", "[limits]\nfoo = 1", "[[app]]\n", "x"] {
        assert!(Settings::parse(text).is_err(), "{text}");
    }
    let limits = ["message-bytes = 0", "message-bytes = 65537", "joined-topics = 10001"];
    for text in limits {
        let error = settings(&format!("[limits]\n{text}")).limits(false).expect_err(text);
        let (name, number) = text.split_once(" = ").expect("an assignment");
        let error = error.to_string();
        assert!(error.contains(name) && error.contains(number), "{error}");
    }
    let sessions = ["sessions-max = 0", "idle-timeout-seconds = 4", "queue-bytes = 10"];
    for text in sessions {
        assert!(settings(&format!("[session]\n{text}")).session().is_err(), "{text}");
    }
    let tickets = ["rotation-seconds = 59", "overlap-seconds = 604801", "rotation-seconds = 86401"];
    for text in tickets {
        let key = StaticKey::from_bytes([7; 32]);
        let error = settings(&format!("[tickets]\n{text}")).tickets(&key).expect_err(text);
        let (name, number) = text.split_once(" = ").expect("an assignment");
        let error = error.to_string();
        assert!(error.contains(name) && error.contains(number), "{error}");
    }
    for (text, is_good) in [("", false), ("open = true", true), ("open = false", false)] {
        let result = settings(&format!("[[app]]\nid = \"closed-net\"\n{text}")).access();
        assert_eq!(result.is_ok(), is_good, "{text}: {result:?}");
    }
    let apps = [
        "id = \"a.b\"",
        "id = \"x\"\ncertificate = \"5CFd2fd1755d40ecb72977518be15d3b\"",
        "id = \"970CA35de60c44645bbae8a215061b33\"\ncertificate = \"secret\"",
    ];
    for text in apps {
        let error = settings(&format!("[[app]]\n{text}")).access().expect_err(text).to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn rules_of_histories_are_taken_in_order_and_at_their_ends() {
    let history = |text: &str| settings(text).history();
    assert_eq!(history("").expect("the defaults"), HistoryRules::default());
    let memory = history("store = \"memory\"").expect("the defaults");
    assert_eq!(memory, HistoryRules { bytes_max: 1 << 28, ..HistoryRules::default() });
    let rules = history(
        "[history]\ndays = 1\nmessages = 0\nbytes = 7\n\
         [[history.rule]]\npattern = \"a*\"\nkind = \"user\"\ndays = 2\nmessages = 3\n\
         [[history.rule]]\npattern = \"*\"\ndays = 36500\nmessages = 1000000000",
    );
    let rule = |pattern: &str, kind, days, messages| HistoryRule {
        pattern: pattern.to_owned(),
        kind,
        retention: Retention { days, messages },
    };
    let expected = HistoryRules {
        rules: vec![
            rule("a*", Some(ChannelKind::User), 2, 3),
            rule("*", None, 36_500, 1_000_000_000),
        ],
        otherwise: Retention { days: 1, messages: 0 },
        bytes_max: 7,
    };
    assert_eq!(rules.expect("in range"), expected);
    for wrong in ["days = 0", "days = 36501", "messages = 1000000001", "bytes = 1125899906842625"] {
        let error = history(&format!("[history]\n{wrong}")).expect_err(wrong);
        assert!(error.to_string().contains("history."), "{error}");
    }
    let one = "[[history.rule]]\npattern = \"a\"\nmessages = 1\ndays = 0";
    assert!(history(one).is_err());
}
