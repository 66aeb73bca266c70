//! The published vectors, and what must be refused.

use rtm_token::{
    AppId, Certificate, IdError, LIFETIME_MAX, ParseError, Permission, Privileges, Service,
    TOKEN_LEN_MAX, Token, UnverifiedToken, VerifiedToken, VerifyError, privilege,
};

const APP: &str = "970CA35de60c44645bbae8a215061b33";
const ISSUED: u64 = 1_111_111;

const RTM: &str = "20000d9a1df8a4e60649a82d4a68fb1f49581fb4d227b8f0b65773b79f1c89e7eb7c20003937304341333564653630633434363435626261653861323135303631623333\
47f4100058020000010000000100020001000100580200000900746573745f75736572";
const RTM_TOKEN: &str = "007eJxTYOCdJftjyTM2zxW6Xhm/5T0j5LdcUt/xYVt48fb5Mp3PX9coMFiaGzg7GpumpJoZJJuYmJmYJiUlplokGhmaGpgZJhkbu38RYIhgYmBgZABhJiBmBPM5GUpSi0viS4tTiwBZVh6A";
const RTC: &str = "200016a0b84c5a5e82cbf74fb813d09f59c54bdac9c06120580539ac97578e958b1a20003937304341333564653630633434363435626261653861323135303631623333\
47f410005802000001000000010001000100010058020000200037643732333635656239383334383533393765336533663964343630626464610a0032383832333431323733";
const RTM2: &str = "2000fd8fb30853f144ee7f3e141f35bb7a27e50965213fb96eb3bb5eb48ffabc3bac20003937304341333564653630633434363435626261653861323135303631623333\
47f4100058020000010000000100080001000100580200000900746573745f757365720300000001000000020009006d6573736167652d6109006d6573736167652d620100010001000100080073747265616d2d6104000100000001000600757365722d61";

fn certificate() -> Certificate {
    Certificate::new("5CFd2fd1755d40ecb72977518be15d3b").expect("32 digits")
}

fn token(service: Service) -> Token {
    let app_id = AppId::new(APP).expect("32 digits");
    Token { app_id, issued_at: ISSUED as u32, expires_in: 600, salt: 1, services: vec![service] }
}

fn rtm2() -> Service {
    let permission = |resource, right, names: &[&str]| Permission {
        resource,
        right,
        names: names.iter().map(|&name| name.to_owned()).collect(),
    };
    Service::Rtm2 {
        user_id: "test_user".to_owned(),
        privileges: Privileges::from([(1, 600)]),
        permissions: vec![
            permission(0, 0, &["message-a", "message-b"]),
            permission(1, 1, &["stream-a"]),
            permission(4, 0, &["user-a"]),
        ],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn vectors_go_both_ways() {
    let cases = [
        (Service::rtm("test_user", 600), RTM),
        (Service::rtc_subscriber("7d72365eb983485397e3e3f9d460bdda", "2882341273", 600), RTC),
        (rtm2(), RTM2),
    ];
    for (service, wanted) in cases {
        let token = token(service);
        assert_eq!(hex(&token.content(&certificate())), wanted);
        let parsed = UnverifiedToken::parse(&token.sign(&certificate())).expect("just made");
        let verified = parsed.verify(&certificate(), ISSUED).expect("just made");
        assert_eq!(*verified.token(), token);
    }
}

#[test]
fn a_token_packed_by_another_library_is_read() {
    let parsed = UnverifiedToken::parse(RTM_TOKEN).expect("a published token");
    let verified = parsed.verify(&certificate(), ISSUED).expect("its signature is right");
    assert!(verified.may_login("test_user", ISSUED));
    assert!(!verified.may_login("test_user2", ISSUED));
    assert!(!verified.may_join("any", "test_user", ISSUED));
}

#[test]
fn a_token_expires_to_the_second() {
    let verify = |now| {
        UnverifiedToken::parse(RTM_TOKEN).expect("a token").verify(&certificate(), now).map(drop)
    };
    assert_eq!(verify(ISSUED + 599), Ok(()));
    assert_eq!(verify(ISSUED + 600), Err(VerifyError::Expired { seconds: 0 }));
    assert_eq!(verify(ISSUED + 605).unwrap_err().code(), 10_009);
}

#[test]
fn a_token_counts_for_a_day_at_most() {
    let seconds = u64::from(LIFETIME_MAX);
    for expires_in in [86_399, 86_400, 86_401, u32::MAX] {
        let mut token = token(Service::rtm("alice", expires_in));
        token.expires_in = expires_in;
        let signed = token.sign(&certificate());
        let verify = |now| UnverifiedToken::parse(&signed).unwrap().verify(&certificate(), now);
        let end = ISSUED + u64::from(expires_in).min(seconds);
        let verified = verify(end - 1).expect("the day isn't over");
        assert_eq!(verified.expires_at(), end);
        assert_eq!(verified.login_end("alice", end - 1), Some(end));
        assert_eq!(verify(end).map(drop), Err(VerifyError::Expired { seconds: 0 }));
    }
}

#[test]
fn a_privilege_may_end_before_the_token() {
    let token = token(Service::rtc("class", "alice", 10));
    let parsed = UnverifiedToken::parse(&token.sign(&certificate())).expect("just made");
    let verified = parsed.verify(&certificate(), ISSUED).expect("just made");
    assert!(verified.may_join("class", "alice", ISSUED + 9));
    assert!(!verified.may_join("class", "alice", ISSUED + 10));
    assert!(!verified.may_join("other", "alice", ISSUED));
    assert!(!verified.may_join("class", "bob", ISSUED));
    assert!(!verified.may_login("alice", ISSUED));
}

#[test]
fn a_subscriber_joins_and_a_publisher_publishes_too() {
    let verified = |services| {
        let text = of(services).sign(&certificate());
        let parsed = UnverifiedToken::parse(&text).expect("just made");
        parsed.verify(&certificate(), ISSUED).expect("just made")
    };
    let ends = |token: &VerifiedToken| {
        [privilege::JOIN_CHANNEL, privilege::PUBLISH_DATA]
            .map(|wanted| token.end_of(wanted, "town", "alice"))
    };
    let listener = verified(vec![Service::rtc_subscriber("town", "alice", 10)]);
    assert_eq!(ends(&listener), [Some(ISSUED + 10), None]);
    // Neither the token's end nor another service's makes it shorter or longer.
    let longer = Service::rtc("town", "", 1_000);
    let both = verified(vec![Service::rtc("town", "alice", 10), longer.clone()]);
    assert_eq!(ends(&both), [Some(ISSUED + 600), Some(ISSUED + 600)]);
    assert_eq!(ends(&verified(vec![Service::rtc("town", "bob", 10)])), [None, None]);
    assert_eq!(ends(&verified(vec![longer])), [Some(ISSUED + 600), Some(ISSUED + 600)]);
}

#[test]
fn rights_are_those_of_services_that_let_the_user_in() {
    let names = |name: &str| vec![name.to_owned()];
    let read = |name| Permission { resource: 0, right: 0, names: names(name) };
    let services = vec![
        Service::rtm2("alice", 10, vec![read("a"), read("b")]),
        Service::rtm2("alice", 600, vec![read("c")]),
        Service::rtm2("bob", 600, vec![read("d")]),
        Service::rtm("bob", 10),
    ];
    let text = of(services).sign(&certificate());
    let verified = UnverifiedToken::parse(&text).unwrap().verify(&certificate(), ISSUED).unwrap();
    let listed = |user: &'static str, now| {
        let permissions = verified.permissions(user, now).flat_map(|it| it.names.clone());
        (verified.has_all_rights(user, now), permissions.collect::<Vec<_>>().concat())
    };
    assert_eq!(listed("alice", ISSUED + 9), (false, "abc".to_owned()));
    assert_eq!(listed("alice", ISSUED + 10), (false, "c".to_owned()));
    assert_eq!(listed("bob", ISSUED + 9), (true, "d".to_owned()));
    assert_eq!(listed("bob", ISSUED + 10), (false, "d".to_owned()));
    assert_eq!(listed("carol", ISSUED), (false, String::new()));
    // So much it may until the first of them ends.
    let ends = |user, now| verified.login_end(user, now).map(|end| end - ISSUED);
    assert_eq!(ends("alice", ISSUED + 9), Some(10));
    assert_eq!(ends("alice", ISSUED + 10), Some(600));
    assert_eq!((ends("bob", ISSUED), ends("alice", ISSUED + 600)), (Some(10), None));
}

#[test]
fn another_certificate_or_any_changed_byte_gives_nothing() {
    let other = Certificate::new(&"0".repeat(32)).expect("32 digits");
    let parsed = UnverifiedToken::parse(RTM_TOKEN).expect("a token");
    assert_eq!(parsed.verify(&other, ISSUED).map(drop), Err(VerifyError::Signature));
    for position in 0..RTM_TOKEN.len() {
        for change in [1, 2, 32] {
            let mut bytes = RTM_TOKEN.as_bytes().to_vec();
            bytes[position] ^= change;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let Ok(parsed) = UnverifiedToken::parse(&text) else { continue };
            // The packing leaves some bits without meaning; what they pack is then the same.
            if let Ok(verified) = parsed.verify(&certificate(), ISSUED) {
                assert_eq!(*verified.token(), token(Service::rtm("test_user", 600)));
            }
        }
    }
}

#[test]
fn an_unknown_service_is_kept_and_the_rest_counts() {
    let mut token = token(Service::rtm("alice", 600));
    token.services.push(Service::Opaque { kind: 77, bytes: vec![1, 2, 3] });
    let parsed = UnverifiedToken::parse(&token.sign(&certificate())).expect("just made");
    let verified = parsed.verify(&certificate(), ISSUED).expect("the signature covers it");
    assert_eq!(*verified.token(), token);
    assert!(verified.may_login("alice", ISSUED));
}

#[test]
fn text_that_is_no_token_is_refused() {
    assert_eq!(UnverifiedToken::parse(""), Err(ParseError::Version));
    assert_eq!(UnverifiedToken::parse("006abc"), Err(ParseError::Version));
    let long = format!("007{}", "A".repeat(TOKEN_LEN_MAX - 2));
    assert_eq!(UnverifiedToken::parse(&long), Err(ParseError::TooLong(TOKEN_LEN_MAX + 1)));
    for text in ["007", "007!", "007AAAA", &RTM_TOKEN[..80]] {
        assert!(matches!(UnverifiedToken::parse(text), Err(ParseError::Damaged(_))), "{text}");
    }
}

#[test]
fn app_ids_and_certificates_have_32_hexadecimal_digits() {
    for length in [0, 2, 31, 33, 64] {
        let text = "a".repeat(length);
        assert_eq!(AppId::new(&text), Err(IdError { what: "app id", length }));
        let wrong = Certificate::new(&text).expect_err("too short, or too long");
        assert_eq!(wrong, IdError { what: "certificate", length });
    }
    for text in ["0123456789abcdefABCDEF0123456789", &"F".repeat(32)] {
        assert!(AppId::new(text).is_ok() && Certificate::new(text).is_ok());
    }
    for other in ["g", "-", "ä"] {
        let text = format!("{}{other}", "0".repeat(32 - other.len()));
        assert!(AppId::new(&text).is_err() && Certificate::new(&text).is_err(), "{text}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut token = token(Service::rtm("alice", 600));
    token.services.push(Service::Opaque { kind: 77, bytes: vec![0; 1_000_000] });
    let text = token.sign(&certificate());
    assert!(text.len() <= TOKEN_LEN_MAX);
    assert_eq!(UnverifiedToken::parse(&text), Err(ParseError::Damaged("too much in it")));
}

proptest::proptest! {
    #[test]
    fn arbitrary_content_never_panics(
        bytes in proptest::collection::vec(0u8.., 0..300),
        cut in 0usize..110,
    ) {
        use std::io::Write;
        // Random bytes, and the published content with a random end.
        let vector: Vec<u8> = (0..RTM.len() / 2)
            .map(|i| u8::from_str_radix(&RTM[2 * i..2 * i + 2], 16).expect("hex"))
            .collect();
        let spliced = [&vector[..cut.min(vector.len())], &bytes].concat();
        for content in [bytes, spliced] {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&content).expect("memory");
            let packed = encoder.finish().expect("memory");
            let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, packed);
            if let Ok(token) = UnverifiedToken::parse(&format!("007{text}")) {
                let _ = token.verify(&certificate(), ISSUED);
            }
        }
    }
}

fn of(services: Vec<Service>) -> Token {
    Token { services, ..token(Service::rtm("test_user", 600)) }
}

#[test]
fn services_stand_in_ascending_order_whatever_order_they_are_given_in() {
    let (rtm, rtc) = (Service::rtm("test_user", 600), Service::rtc("town", "alice", 600));
    let sorted = hex(&of(vec![rtc.clone(), rtm.clone()]).content(&certificate()));
    assert_eq!(hex(&of(vec![rtm, rtc]).content(&certificate())), sorted);
    assert!(
        sorted.contains("58020000") && sorted.find("746f776e") < sorted.find("746573745f75736572")
    );
}

#[test]
fn services_of_other_products_are_read_past_and_kept() {
    let named = |kind| Service::Named {
        kind,
        privileges: Privileges::from([(1, 600)]),
        names: vec!["a".to_owned(); if kind == 5 { 1 } else { 2 }],
    };
    let opaque = Service::Opaque { kind: 7, bytes: vec![1, 2, 3] };
    let services = vec![Service::rtm("test_user", 600), named(3), named(5), opaque];
    let signed = of(services.clone()).sign(&certificate());
    let parsed = UnverifiedToken::parse(&signed).expect("just made");
    let verified = parsed.verify(&certificate(), ISSUED).expect("just made");
    assert_eq!(verified.token().services, services);
    assert!(verified.may_login("test_user", ISSUED), "what is there besides is no matter");
}
