use rtm_token::{Service, Token};
use rtm_wire::{ChannelKind, ChannelRef, List, Right, SessionInstance};

use super::*;

const APP: &str = "970CA35de60c44645bbae8a215061b33";
const OTHER_APP: &str = "00000000000000000000000000000001";
const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
const NOW: UnixTime = UnixTime::from_millis(1_000_000_000);

fn access() -> Access {
    let certificate = Certificate::new(CERTIFICATE).expect("32 digits");
    let mut access = Access::new();
    access.insert(AppId::new(APP).expect("a name"), Some(certificate));
    access.insert(AppId::new("open").expect("a name"), None);
    access
}

fn token(app: &str, certificate: &str, issued_at: u32, service: Service) -> String {
    sign(app, certificate, issued_at, vec![service])
}

fn sign(app: &str, certificate: &str, issued_at: u32, services: Vec<Service>) -> String {
    let app_id = rtm_token::AppId::new(app).expect("32 digits");
    let token = Token { app_id, issued_at, expires_in: 600, salt: 1, services };
    token.sign(&Certificate::new(certificate).expect("32 digits"))
}

#[test]
fn a_login_needs_a_good_token_of_its_own() {
    let alice = || Service::rtm("alice", 600);
    let good = token(APP, CERTIFICATE, 999_500, alice());
    let old = token(APP, CERTIFICATE, 999_400, alice());
    let other_app = token(OTHER_APP, CERTIFICATE, 999_500, alice());
    let forged = token(APP, &"0".repeat(32), 999_500, alice());
    let rtc = token(APP, CERTIFICATE, 999_500, Service::rtc("alice", "alice", 600));
    let ok = ErrorCode::OK;
    let cases = [
        (APP, "alice", good.as_str(), ok),
        ("open", "alice", "", ok),
        ("open", "alice", "rubbish", ok),
        (APP, "bob", &good, ErrorCode::INVALID_TOKEN),
        (APP, "alice", "", ErrorCode::INVALID_TOKEN),
        (APP, "alice", "007rubbish", ErrorCode::INVALID_TOKEN),
        (APP, "alice", &forged, ErrorCode::INVALID_TOKEN),
        (APP, "alice", &rtc, ErrorCode::INVALID_TOKEN),
        (APP, "alice", &old, ErrorCode::TOKEN_EXPIRED),
        (APP, "alice", &other_app, ErrorCode::INCONSISTENT_APPID),
        (OTHER_APP, "alice", &other_app, ErrorCode::INVALID_APP_ID),
        ("", "alice", "", ErrorCode::INVALID_APP_ID),
        ("open", "_alice", "", ErrorCode::INVALID_USER_ID),
        ("open", "", "", ErrorCode::INVALID_USER_ID),
    ];
    for (app_id, user_id, token, code) in cases {
        let instance = SessionInstance(1);
        let liveness = Liveness::default();
        let login = Login { app_id, user_id, instance, features: 0, token, liveness };
        let result = access().login(&login, NOW);
        let found = result.as_ref().map_or_else(|refusal| refusal.code, |_| ok);
        assert_eq!(found, code, "{app_id} {user_id} {token}: {result:?}");
    }
}

#[test]
fn a_ticket_is_good_while_app_token_and_user_are() {
    let state = |app_id, user_id, end: Option<u64>| TicketState {
        app_id,
        user_id,
        instance: SessionInstance(7),
        token_end: end.map(UnixTime::from_millis),
        liveness: Liveness::default(),
        rights: None,
    };
    let later = Some(NOW.as_millis() + 1);
    let mut access = access();
    for (ticket, is_good) in [
        (state(APP, "alice", later), true),
        (state("open", "alice", None), true),
        (state(APP, "alice", Some(NOW.as_millis())), false),
        // The app has got a certificate since, or has lost it.
        (state(APP, "alice", None), false),
        (state("open", "alice", later), false),
        (state(OTHER_APP, "alice", later), false),
        (state("open", "_alice", None), false),
    ] {
        let admission = access.resume(&ticket, NOW).expect("nobody is banned");
        assert_eq!(admission.is_some(), is_good, "{ticket:?}");
        if let Some(admission) = admission {
            assert_eq!(admission.expires, ticket.token_end);
            assert_eq!(admission.identity.instance, SessionInstance(7));
        }
    }
    let of = ChannelRef { kind: ChannelKind::User, name: "bob" };
    let listed = [Right { of, is_write: true }];
    let listed = TicketState { rights: Some(List::Slice(&listed)), ..state(APP, "alice", later) };
    for (ticket, may_write) in [(listed, [true, false]), (state(APP, "alice", later), [true; 2])] {
        let rights = access.resume(&ticket, NOW).expect("not banned").expect("good").rights;
        let found = ["bob", "carol"].map(|user| rights.may_write(ChannelKind::User, user));
        assert_eq!(found, may_write);
    }
    let (app, user) = (AppId::new("open").expect("name"), UserId::new("alice").expect("name"));
    let ticket = state("open", "alice", None);
    let login = Login {
        app_id: "open",
        user_id: "alice",
        instance: SessionInstance(7),
        features: 0,
        token: "",
        liveness: Liveness::default(),
    };
    for is_banned in [true, false] {
        access.set_banned(app.clone(), user.clone(), is_banned);
        let code = is_banned.then_some(ErrorCode::LOGIN_REJECTED);
        assert_eq!(access.resume(&ticket, NOW).err().map(|refusal| refusal.code), code);
        assert_eq!(access.login(&login, NOW).err().map(|refusal| refusal.code), code);
    }
}

#[test]
fn a_session_ends_with_its_token() {
    let text = token(APP, CERTIFICATE, 999_500, Service::rtm("alice", 600));
    let instance = SessionInstance(1);
    let mut login = Login {
        app_id: APP,
        user_id: "alice",
        instance,
        features: 0,
        token: &text,
        liveness: Liveness::default(),
    };
    let admission = access().login(&login, NOW).expect("a good token");
    assert_eq!(admission.expires, Some(UnixTime::from_millis(1_000_100_000)));

    for (asked, given) in [
        ((0, 0), (5, 5)),
        ((4, 4), (5, 5)),
        ((5, 5), (5, 5)),
        ((1_800, 300), (1_800, 300)),
        ((1_801, 301), (1_800, 300)),
        ((u64::MAX, u64::MAX), (1_800, 300)),
    ] {
        login.liveness = Liveness { heartbeat: asked.0, presence_timeout: asked.1 };
        let Liveness { heartbeat, presence_timeout } =
            access().login(&login, NOW).expect("a good token").liveness;
        assert_eq!((heartbeat, presence_timeout), given, "{asked:?}");
    }
}

fn join(
    access: &Access,
    rights: &Rights,
    (channel, token): (&str, &str),
) -> Result<Option<Pass>, ErrorCode> {
    let (app, user) = (AppId::new(APP).expect("name"), UserId::new("alice").expect("name"));
    let pass = access.join((&app, &user, rights), (channel, token), NOW);
    pass.map_err(|refusal| refusal.code)
}

#[test]
fn a_join_needs_a_token_for_channel_and_user() {
    let service = |channel, user| Service::rtc(channel, user, 600);
    let make = |channel, user| token(APP, CERTIFICATE, 999_500, service(channel, user));
    let cases = [
        (make("town", "alice"), true),
        (make("town", ""), true),
        (make("town", "bob"), false),
        (make("village", "alice"), false),
        (token(APP, CERTIFICATE, 999_500, Service::rtm("alice", 600)), false),
        (String::new(), false),
    ];
    for (token, is_good) in cases {
        let result = join(&access(), &Rights::All, ("town", &token));
        assert_eq!(result.is_ok(), is_good, "{result:?}");
        if let Err(code) = result {
            assert_eq!(code, ErrorCode::INVALID_TOKEN);
        }
    }
}

#[test]
fn a_pass_lasts_as_long_as_its_privileges() {
    let end = |seconds: u64| UnixTime::from_millis((999_500 + seconds) * 1_000);
    let mut access = access();
    for (service, publishes_until) in [
        (Service::rtc("town", "alice", 550), Some(end(550))),
        (Service::rtc_subscriber("town", "alice", 550), None),
        (
            Service::Rtc {
                channel: "town".to_owned(),
                uid: String::new(),
                privileges: [(1, 550), (4, 9_000)].into(),
            },
            // The token itself ends before.
            Some(end(600)),
        ),
    ] {
        let token = token(APP, CERTIFICATE, 999_500, service);
        let pass = Some(Pass { joins_until: end(550), publishes_until });
        assert_eq!(join(&access, &Rights::All, ("town", &token)), Ok(pass));
    }
    let listener = token(APP, CERTIFICATE, 999_500, Service::rtc_subscriber("town", "alice", 550));
    access.set_join_may_publish(&AppId::new(APP).expect("name"), true);
    let pass = join(&access, &Rights::All, ("town", &listener)).expect("a good token");
    assert_eq!(pass.expect("one").publishes_until, Some(end(550)));
}

#[test]
fn a_right_to_read_a_stream_channel_stands_for_a_token() {
    let access = access();
    let of = ChannelRef { kind: ChannelKind::Stream, name: "town" };
    let listed = Rights::of_list([Right { of, is_write: false }].into_iter());
    assert_eq!(join(&access, &listed, ("town", "")), Ok(None));
    let denied = ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED;
    assert_eq!(join(&access, &listed, ("village", "")), Err(denied));
    // A token that is shown has to be one of the app, and one for the channel is enough.
    assert_eq!(join(&access, &listed, ("town", "x")), Err(ErrorCode::INVALID_TOKEN));
    let other = token(APP, CERTIFICATE, 999_500, Service::rtm("alice", 550));
    assert_eq!(join(&access, &listed, ("town", &other)), Ok(None));
    assert_eq!(join(&access, &listed, ("village", &other)), Err(ErrorCode::INVALID_TOKEN));
    let village = token(APP, CERTIFICATE, 999_500, Service::rtc("village", "alice", 550));
    assert!(join(&access, &listed, ("village", &village)).is_ok_and(|pass| pass.is_some()));
}

#[test]
fn a_login_has_the_rights_of_its_token() {
    let names = vec!["lobby".to_owned()];
    let read = rtm_token::Permission { resource: 0, right: 0, names };
    let listed = Service::rtm2("alice", 600, vec![read]);
    let rights = |app_id, services| {
        let token = sign(app_id, CERTIFICATE, 999_500, services);
        let (user_id, instance) = ("alice", SessionInstance(1));
        let liveness = Liveness::default();
        let login = Login { app_id, user_id, instance, features: 0, token: &token, liveness };
        access().login(&login, NOW).expect("a good token").rights
    };
    let found = rights(APP, vec![listed.clone()]);
    assert!(found.may_read(ChannelKind::Message, "lobby"));
    assert!(!found.may_read(ChannelKind::Message, "hall"));
    assert_eq!(rights(APP, vec![listed, Service::rtm("alice", 600)]), Rights::All);
    // A service that lets nobody in any more gives no rights.
    let (ended, bare) = (Service::rtm("alice", 500), Service::rtm2("alice", 600, Vec::new()));
    let found = rights(APP, vec![ended, bare]);
    assert!(!found.may_read(ChannelKind::Message, "lobby"));
}

#[test]
fn a_login_lasts_as_long_as_what_lets_it_in() {
    let end_of = |services| {
        let token = sign(APP, CERTIFICATE, 999_500, services);
        let (user_id, instance) = ("alice", SessionInstance(1));
        let liveness = Liveness::default();
        let login = Login { app_id: APP, user_id, instance, features: 0, token: &token, liveness };
        let end = access().login(&login, NOW).expect("a good token").expires.expect("it has one");
        end.as_millis() / 1_000 - 999_500
    };
    assert_eq!(end_of(vec![Service::rtm("alice", 550)]), 550);
    assert_eq!(end_of(vec![Service::rtm("alice", 9_000)]), 600);
    let listed = Service::rtm2("alice", 600, Vec::new());
    assert_eq!(end_of(vec![Service::rtm("alice", 550), listed.clone()]), 550);
    assert_eq!(end_of(vec![Service::rtm("alice", 500), listed]), 600, "one that ended before");
}
