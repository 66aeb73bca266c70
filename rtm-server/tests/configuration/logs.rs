//! The client's own log, and its events for a handler.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rtm_client::{ClientEvent, ErrorKind, LinkState, LogConfig, LogLevel};

use super::lab::{Lab, log_in, refused};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn a_log_has_what_its_level_says_and_never_a_token() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let mut logs = Vec::new();
    for (name, level) in [
        ("none", LogLevel::None),
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
        ("fatal", LogLevel::Fatal),
    ] {
        let path = folder.path().join(name);
        let log = LogConfig::new(&path).level(level);
        let client = log_in(lab.builder(name).log_config(log)).await;
        client.logout().await.unwrap();
        // A login that is refused is a warning.
        client.login_with_token("rubbish").await.unwrap_err();
        logs.push(read(&path));
    }
    let [none, debug, info, warn, error, fatal] = &logs[..] else { unreachable!() };
    assert_eq!((none.as_str(), error.as_str(), fatal.as_str()), ("", "", ""));
    assert!(info.contains("INFO  rtm_client") && info.contains("to=Connected"), "{info}");
    assert!(debug.contains("INFO  rtm_client") && debug.contains("-10005"), "{debug}");
    assert!(debug.lines().count() >= info.lines().count(), "{debug}");
    assert!(info.contains("WARN  rtm_client") && info.contains("-10005"), "{info}");
    assert!(!warn.contains("INFO") && warn.contains("-10005"), "{warn}");
    assert!(info.split_whitespace().all(|word| word.len() < 60), "no token: {info}");
    lab.end().await;
}

#[tokio::test]
async fn a_log_file_of_128_kib_is_followed_by_another() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rtm.log");
    let old = "x".repeat(128 * 1_024 - 1) + "\n";
    std::fs::write(&path, &old).unwrap();
    let with = |size| lab.builder("alice").log_config(LogConfig::new(&path).file_size_kib(size));
    log_in(with(1_024)).await.logout().await.unwrap();
    let grown = read(&path);
    assert!(grown.starts_with(&old) && grown.len() > old.len(), "there is room in 1,024 KiB");
    log_in(with(128)).await.logout().await.unwrap();
    assert_eq!(read(&folder.path().join("rtm.log.1")), grown, "put aside");
    assert!(read(&path).contains("to=Connected"));
    for size in [127, 1_025] {
        refused(with(size), ErrorKind::InvalidConfig, -10_014);
    }
    // A folder that isn't there is told by the first call.
    let nowhere = LogConfig::new(folder.path().join("no/rtm.log"));
    let client = lab.builder("bob").log_config(nowhere).build().unwrap();
    let error = client.login().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("no/rtm.log"), "{error}");
    lab.end().await;
}

#[tokio::test]
async fn an_event_handler_is_called_with_each_event_and_may_panic() {
    let lab = Lab::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let builder = lab.builder("alice").event_handler(move |event| {
        if let ClientEvent::LinkState(link) = event {
            into.lock().unwrap().push(link.current);
            assert!(link.current != LinkState::Connected, "a handler's own mistake");
        }
    });
    let client = log_in(builder).await;
    client.logout().await.unwrap();
    let expected = [LinkState::Connecting, LinkState::Connected, LinkState::Idle];
    assert_eq!(*seen.lock().unwrap(), expected);
    lab.end().await;
}

#[tokio::test]
async fn event_handlers_come_and_go() {
    let lab = Lab::new();
    let client = lab.builder("alice").build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let into = Arc::clone(&seen);
        move |event: &ClientEvent| {
            if let ClientEvent::LinkState(link) = event {
                into.lock().unwrap().push((name, link.current));
            }
        }
    };
    let first = client.add_event_handler(note("first"));
    client.login().await.unwrap();
    let second = client.add_event_handler(note("second"));
    assert!(client.remove_event_handler(first));
    assert!(!client.remove_event_handler(first), "it is gone");
    client.logout().await.unwrap();
    let expected = [
        ("first", LinkState::Connecting),
        ("first", LinkState::Connected),
        ("second", LinkState::Idle),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert!(client.remove_event_handler(second));
    lab.end().await;
}
