//! Each setting at its limits and one beyond.

use rtm_session::Carriers;

use crate::shell::{ClientBuilder, RtmClient};

use super::*;
use crate::encryption::EncryptionMode;
use crate::private_config::ServiceType;

fn builder() -> ClientBuilder {
    let server = ServerAddress::new("localhost", 7_700, [1; 32]).unwrap();
    RtmClient::builder("demo", "alice").server(server)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn hosts(count: usize) -> PrivateConfig {
    PrivateConfig::new().access_point_hosts((0..count).map(|number| format!("host{number}")))
}

fn sealed(key: usize, salt: usize) -> Encryption {
    Encryption::new(EncryptionMode::Aes128Gcm, vec![1; key], vec![2; salt])
}

#[test]
fn settings_are_taken_at_their_limits() {
    let log = |size| LogConfig::new("rtm.log").file_size_kib(size);
    let ok = [
        builder(),
        builder().heartbeat_interval(secs(5)).login_timeout(secs(1)),
        builder().heartbeat_interval(secs(1_800)).login_timeout(secs(60)),
        builder().reconnect_timeout(Some(secs(15))),
        builder().waiting_calls(0).waiting_calls_timeout(secs(1)),
        builder().waiting_calls(65_536).waiting_calls_timeout(secs(3_600)),
        builder().reconnect_timeout(Some(secs(3_600))).token("t"),
        builder().presence_timeout(secs(0)),
        builder().presence_timeout(secs(1_000_000)),
        builder().log_config(log(128)),
        builder().log_config(log(1_024)),
        builder().encryption(sealed(1, 32)),
        builder().encryption(sealed(256, 32)),
        builder().private_config(hosts(16)),
        builder().private_config(PrivateConfig::new().service_type(ServiceType::STREAM)),
        builder().area_code(AreaCode::GLOBAL).multipath(false).context(0).log_upload(false),
        builder().isp_policy_enabled(true),
    ];
    for builder in ok {
        assert!(builder.clone().build().is_ok(), "{builder:?}");
    }
}

#[test]
fn settings_are_refused_one_beyond_their_limits() {
    let log = |size| LogConfig::new("rtm.log").file_size_kib(size);
    let server = |host: &str| ServerAddress::new(host, 7_700, [1; 32]).unwrap();
    let at = |host: &str| RtmClient::builder("demo", "alice").server(server(host));
    let invalid = ErrorKind::InvalidConfig;
    let refused = [
        (builder().heartbeat_interval(secs(4)), invalid, "heartbeat_interval is 4s"),
        (builder().heartbeat_interval(secs(1_801)), invalid, "heartbeat_interval is 1801s"),
        (
            builder().heartbeat_interval(Duration::from_millis(5_001)),
            invalid,
            "not in whole seconds",
        ),
        (builder().presence_timeout(Duration::from_millis(5_001)), invalid, "presence_timeout"),
        (builder().login_timeout(secs(61)), invalid, "login_timeout is 61s"),
        (builder().login_timeout(secs(0)), invalid, "login_timeout is 0ns"),
        (builder().reconnect_timeout(Some(secs(14))), invalid, "reconnect_timeout is 14s"),
        (builder().reconnect_timeout(Some(secs(3_601))), invalid, "reconnect_timeout is 3601s"),
        (builder().reconnect_timeout(Some(Duration::ZERO)), invalid, "reconnect_timeout is 0ns"),
        (builder().waiting_calls(65_537), invalid, "waiting_calls is 65537"),
        (builder().waiting_calls_timeout(secs(0)), invalid, "waiting_calls_timeout is 0ns"),
        (builder().waiting_calls_timeout(secs(3_601)), invalid, "waiting_calls_timeout is 3601s"),
        (builder().log_config(log(127)), invalid, "127 KiB"),
        (builder().log_config(log(1_025)), invalid, "1025 KiB"),
        (builder().token("a").token("b"), invalid, "token is given twice"),
        (builder().server(server("a")), invalid, "server is given twice"),
        (
            builder().reconnect_timeout(None).reconnect_timeout(None),
            invalid,
            "reconnect_timeout is given twice",
        ),
        (builder().event_handler(|_| {}).event_handler(|_| {}), invalid, "event_handler is given"),
        (RtmClient::builder("demo", "alice"), invalid, "server is missing"),
        (at("127.0.0.1").isp_policy_enabled(true), invalid, "127.0.0.1"),
        (
            builder()
                .isp_policy_enabled(true)
                .private_config(PrivateConfig::new().access_point_hosts(["[::1]"])),
            invalid,
            "::1",
        ),
        (
            builder().proxy(Proxy::http("p", 1)).protocol_type(ProtocolType::UdpOnly),
            invalid,
            "UdpOnly",
        ),
        (builder().encryption(sealed(0, 32)), ErrorKind::InvalidEncryption, "key has 0 bytes"),
        (builder().encryption(sealed(257, 32)), ErrorKind::InvalidEncryption, "key has 257"),
        (builder().encryption(sealed(1, 31)), ErrorKind::InvalidEncryption, "salt has 31"),
        (builder().encryption(sealed(1, 33)), ErrorKind::InvalidEncryption, "salt has 33"),
        (builder().private_config(hosts(17)), ErrorKind::InvalidAddress, "17 hosts"),
    ];
    for (builder, kind, wrong) in refused {
        let error = builder.build().map(drop).expect_err(wrong);
        assert_eq!(error.kind(), kind, "{wrong}");
        assert!(error.to_string().contains(wrong), "{wrong}: {error}");
    }
}

#[test]
fn what_means_nothing_here_says_so() {
    let web = PrivateConfig::new;
    let refused = [
        (builder().area_code(AreaCode::EUROPE | AreaCode::ASIA), "area_code"),
        (builder().multipath(true), "multipath"),
        (builder().context(1), "context"),
        (builder().log_upload(true), "log_upload"),
        (builder().proxy(Proxy::cloud_tcp()), "proxy"),
        (builder().private_config(web().event_upload_hosts(["a"])), "event_upload_hosts"),
        (builder().private_config(web().log_upload_hosts(["a"])), "log_upload_hosts"),
        (builder().private_config(web().origin_domains(["a"])), "origin_domains"),
        (builder().private_config(web().domain_mode(1)), "domain_mode"),
    ];
    for (builder, name) in refused {
        let error = builder.build().map(drop).expect_err(name);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, -10_022), "{name}");
        assert!(error.to_string().contains(&format!("the setting {name} isn't")), "{error}");
    }
}

#[test]
fn ids_have_their_numbers() {
    let server = ServerAddress::new("localhost", 7_700, [1; 32]).unwrap();
    let longest = "x".repeat(64);
    let too_long = "x".repeat(65);
    for (app_id, user_id, is_text, code) in [
        (longest.as_str(), longest.as_str(), true, 0),
        ("", "alice", true, -10_003),
        (&too_long, "alice", true, -10_003),
        ("demo", "", true, -10_006),
        ("demo", "a.b", true, -10_006),
        ("demo", &too_long, true, -10_006),
        ("demo", "1", false, 0),
        ("demo", "4294967295", false, 0),
        ("demo", "0", false, -10_006),
        ("demo", "01", false, -10_006),
        ("demo", "+1", false, -10_006),
        ("demo", "4294967296", false, -10_006),
        ("demo", "alice", false, -10_006),
    ] {
        let builder = RtmClient::builder(app_id, user_id).server(server.clone());
        let built = builder.use_string_user_id(is_text).build();
        assert_eq!(built.map_or_else(|error| error.code(), |_| 0), code, "{app_id} {user_id}");
    }
}

#[test]
fn the_core_is_told_what_was_set() {
    let config = builder().check().unwrap().config;
    assert_eq!(config.reconnect_timeout, None);
    assert_eq!(config.login_timeout, secs(10));
    assert_eq!(config.heartbeat_interval, secs(5));
    assert_eq!(config.presence_timeout, secs(300));
    assert_eq!(config.server_key.as_bytes(), &[1; 32]);
    assert!(config.encryption.is_none());

    let set = builder()
        .reconnect_timeout(Some(secs(60)))
        .login_timeout(secs(7))
        .heartbeat_interval(secs(30))
        .presence_timeout(secs(42))
        .encryption(sealed(16, 32))
        .protocol_type(ProtocolType::TcpOnly);
    let config = set.check().unwrap().config;
    assert_eq!(config.reconnect_timeout, Some(secs(60)));
    assert_eq!(config.login_timeout, secs(7));
    assert_eq!(config.heartbeat_interval, secs(30));
    assert_eq!(config.presence_timeout, secs(42));
    assert!(config.encryption.is_some());
    assert_eq!(config.carriers, Carriers::Streams);

    // A server of RTM 2.x takes too short and too long as the nearest.
    for (set, counts) in [(0, 5), (4, 5), (5, 5), (300, 300), (301, 300)] {
        let config = builder().presence_timeout(secs(set)).check().unwrap().config;
        assert_eq!(config.presence_timeout, secs(counts));
    }
}

#[test]
fn heartbeats_come_every_5_to_1800_seconds() {
    for (seconds, is_good) in [(4, false), (5, true), (1_800, true), (1_801, false)] {
        let built = builder().heartbeat_interval(secs(seconds)).build();
        assert_eq!(built.is_ok(), is_good, "{seconds}");
    }
}

#[test]
fn a_client_tries_to_come_back_for_15_to_3600_seconds() {
    for (seconds, is_good) in [(14, false), (15, true), (3_600, true), (3_601, false)] {
        let built = builder().reconnect_timeout(Some(secs(seconds))).build();
        assert_eq!(built.is_ok(), is_good, "{seconds}");
    }
    assert!(builder().reconnect_timeout(None).build().is_ok(), "for ever");
}
