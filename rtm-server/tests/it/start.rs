//! Starting and ending.

use std::net::{TcpListener, TcpStream, UdpSocket};

use rtm_context::Context;

use crate::program::{Place, mode};

#[cfg(unix)]
#[test]
fn a_development_server_leaves_a_context_and_takes_it_away() {
    for signal in ["INT", "TERM"] {
        let place = Place::new();
        let server = place.start(&["--dev"]);
        let context = Context::read(&place.context()).expect("written before it is ready");
        assert_eq!(context.server, server.said("connect"));
        assert_eq!(context.app_id, server.said("app"));
        assert_eq!(mode(&place.context()), 0o600);

        let (status, log) = server.end(signal);
        assert!(status.success(), "{log}");
        assert!(log.contains("FOR DEVELOPMENT ONLY") && log.contains("ended in order"), "{log}");
        assert!(!log.contains(&context.certificate), "no secret is logged");
        assert!(!place.context().exists());
    }
}

#[cfg(unix)]
#[test]
fn key_and_app_survive_a_restart_and_the_epoch_grows() {
    let place = Place::new();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = place.start(&[]);
        let (app, connect) = (server.said("app"), server.said("connect"));
        let key = connect.split_once("?key=").expect("a key").1.to_owned();
        let epoch = std::fs::read_to_string(place.data().join("epoch")).expect("counted");
        server.end("TERM");
        seen.push((app, key, epoch.trim().parse::<u64>().expect("a number")));
    }
    assert_eq!((&seen[0].0, &seen[0].1), (&seen[1].0, &seen[1].1));
    assert!(seen[1].2 > seen[0].2, "{seen:?}");
    assert!(!place.context().exists(), "only development servers have one");
    for name in ["server.key", "app.json"] {
        assert_eq!(mode(&place.data().join(name)), 0o600, "{name}");
    }
}

#[test]
fn tcp_is_at_the_port_of_udp_or_at_one_of_its_own() {
    let place = Place::new();
    let port_of = |text: &str| text.parse::<u16>().expect("a port");
    let server = place.start(&[]);
    let connect = server.said("connect");
    let port = connect.split_once("?key=").expect("a key").0.rsplit_once(':').expect("a port").1;
    TcpStream::connect(("127.0.0.1", port_of(port))).expect("TCP at the port of UDP");
    drop(server);
    let config = place.path("tcp.toml");
    std::fs::write(&config, "tcp-listen = \"127.0.0.1:0\"\n").expect("written");
    let config = config.to_str().expect("a path of ours");
    let server = place.start(&["--config", config]);
    let connect = server.said("connect");
    let (_, tcp_port) = connect.split_once("&tcp=").expect("the connection string tells");
    TcpStream::connect(("127.0.0.1", port_of(tcp_port))).expect("TCP where it was said");
}

#[test]
fn what_cannot_work_is_one_sentence_with_a_number_and_an_exit_code() {
    let place = Place::new();
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").to_string();
    let taken_for_tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let tcp_port = taken_for_tcp.local_addr().expect("bound").to_string();
    let file = |name: &str, text: &str| {
        let path = place.path(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("a path of ours").to_owned()
    };
    let unknown = file("unknown.toml", "[session]\nsession-max = 3\n");
    let broken = file("broken.toml", "listen = \n");
    let range = file("range.toml", "[limits]\nmessage-bytes = 1000000\n");
    let missing = place.path("missing.toml").to_str().expect("a path").to_owned();
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (&["--listen", &tcp_port], 1, &["in use", "-10007", "TCP", &tcp_port]),
        (&["--listen", &port], 1, &["in use", "-10007", "--listen", &port]),
        (&["--config", &missing], 2, &["missing.toml", "-10024", "check path"]),
        (&["--config", &unknown], 2, &["line 2", "session-max", "-10024", "--print-config"]),
        (&["--config", &broken], 2, &["line 1", "-10024"]),
        (&["--config", &range], 2, &["limits.message-bytes is 1000000", "-10014"]),
        (&["--log", "a=b=c", "--listen", "127.0.0.1:0"], 2, &["log is", "-10014"]),
        (&["--listen", "nowhere"], 2, &["--listen"]),
    ];
    for (arguments, code, words) in cases {
        let (found, text) = place.fail(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?} should say {word}: {text}");
        }
        let sentences = text.lines().filter(|line| !line.is_empty());
        assert!(sentences.count() == 1 || text.contains("--help"), "{text}");
    }
    assert!(!place.data().join("epoch").exists(), "nothing was counted");
}

#[cfg(unix)]
#[test]
fn an_open_app_is_told_loudly_and_one_without_a_certificate_does_not_start() {
    let place = Place::new();
    let path = place.path("apps.toml");
    let name = path.to_str().expect("a path of ours");
    std::fs::write(&path, "[[app]]\nid = \"workshop\"\n").expect("written");
    let (code, text) = place.fail(&["--config", name, "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("app.certificate") && text.contains("open = true"), "{text}");

    std::fs::write(&path, "[[app]]\nid = \"workshop\"\nopen = true\n").expect("written");
    let server = place.start(&["--config", name]);
    assert_eq!(server.said("app"), "workshop");
    let (_, log) = server.end("TERM");
    assert!(log.contains("App workshop is open: everybody can log in as anybody"), "{log}");
}

#[test]
fn damaged_files_stop_the_start_and_stay() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).expect("made");
    let key = place.data().join("server.key");
    std::fs::write(&key, "not a key").expect("written");

    let (code, text) = place.fail(&["--listen", "127.0.0.1:0"]);

    assert_eq!(code, Some(1));
    assert!(text.contains("server.key is damaged") && text.contains("-10007"), "{text}");
    assert_eq!(std::fs::read_to_string(&key).expect("there"), "not a key");
}

#[test]
fn a_store_that_cannot_be_used_stops_the_start_and_stays() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).expect("made");
    let store = place.data().join("store.redb");
    std::fs::write(&store, "not a store").expect("written");
    let (code, text) = place.fail(&["--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    for words in ["store.redb cannot be used", "damaged", "-10007", "move it away"] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&store).expect("there"), "not a store");
    assert!(!place.data().join("epoch").exists(), "nothing was counted");

    // Who needs nothing kept doesn't look at it.
    let config = place.path("memory.toml");
    std::fs::write(&config, "store = \"memory\"\n").expect("written");
    drop(place.start(&["--config", config.to_str().expect("a path of ours")]));
    assert_eq!(std::fs::read_to_string(&store).expect("there"), "not a store");
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let place = Place::new();
    let first = place.start(&[]);
    let (code, text) = place.fail(&["--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    for words in ["store.redb is in use by another server", "-10007", "--data-dir"] {
        assert!(text.contains(words), "{text}");
    }
    drop(first);
    assert_eq!(mode(&place.data().join("store.redb")), 0o600);
    drop(place.start(&[]));
}

#[test]
fn the_printed_configuration_is_one_that_starts() {
    let place = Place::new();
    let output = place.command(&["--print-config"]).output().expect("it runs");
    assert!(output.status.success());
    let path = place.path("printed.toml");
    std::fs::write(&path, &output.stdout).expect("written");

    let server = place.start(&["--config", path.to_str().expect("a path of ours")]);

    assert!(server.said("connect").starts_with("rtm://127.0.0.1:"));
}
