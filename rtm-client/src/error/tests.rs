//! Each kind and each number lead somewhere.

use super::*;

#[test]
fn every_kind_has_a_text_with_number_and_advice() {
    for &kind in ErrorKind::ALL {
        let error = Error::new(kind);
        let text = error.to_string();
        let number = format!("[{} {}]", error.code(), error.name());
        assert!(text.contains(&number), "{kind:?}: {text}");
        assert!(text.starts_with(kind.wrong()) && text.ends_with(kind.advice()), "{text}");
        assert!(error.code() <= -10_001 && error.name() != "UNKNOWN", "{kind:?}");
        assert!(kind.wrong().len() > 8 && kind.advice().len() > 8, "{kind:?}");
        for part in [kind.wrong(), kind.advice()] {
            assert!(!part.ends_with('.') && !part.contains('\n'), "one sentence: {part}");
        }
    }
}

#[test]
fn numbers_from_the_server_become_kinds() {
    let cases = [
        (ErrorCode::INVALID_TOKEN, ErrorKind::InvalidToken, false),
        (ErrorCode::TOKEN_EXPIRED, ErrorKind::TokenExpired, false),
        (ErrorCode::INVALID_APP_ID, ErrorKind::UnknownApp, false),
        (ErrorCode::INVALID_CHANNEL_NAME, ErrorKind::InvalidName, false),
        (ErrorCode::CHANNEL_INVALID_TOPIC_NAME, ErrorKind::InvalidName, false),
        (ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION, ErrorKind::MessageTooLarge, false),
        (ErrorCode::CHANNEL_TOPIC_NOT_EXIST, ErrorKind::UnknownTopic, true),
        (ErrorCode::CHANNEL_NOT_JOINED, ErrorKind::NotJoined, false),
        (ErrorCode::CHANNEL_TOPIC_NOT_JOINED, ErrorKind::TopicNotJoined, false),
        (ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT, ErrorKind::TooFrequent, true),
        (ErrorCode::CHANNEL_RECEIVER_OFFLINE, ErrorKind::ReceiverOffline, true),
        (ErrorCode::LOGIN_ABORTED, ErrorKind::LoggedInElsewhere, false),
        (ErrorCode(19_999), ErrorKind::Refused, false),
    ];
    for (code, kind, is_retryable) in cases {
        let error = Error::from_answer(code, "");
        assert_eq!((error.kind(), error.is_retryable()), (kind, is_retryable), "{code}");
        assert_eq!(error.code(), -(code.0 as i32));
    }
}

/// The default number of a kind leads back to it, except where several kinds share a number.
#[test]
fn default_numbers_lead_back_to_their_kind() {
    let shared = [
        ErrorKind::NoRuntime,
        ErrorKind::HostNotFound,
        ErrorKind::Socket,
        ErrorKind::InvalidEncryption,
        ErrorKind::IncompatibleVersion,
        ErrorKind::Protocol,
        ErrorKind::Refused,
    ];
    for &kind in ErrorKind::ALL {
        if !shared.contains(&kind) {
            assert_eq!(ErrorKind::from_code(kind.default_code()), kind);
        }
    }
}

#[test]
fn the_servers_words_are_kept_and_numbered() {
    let error = Error::from_answer(ErrorCode::INVALID_TOKEN, "token of user bob, not alice");
    assert_eq!(error.to_string(), "token of user bob, not alice [-10005 INVALID_TOKEN]");
}

#[test]
fn detail_codes_have_names() {
    let cases = [
        (ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED, "[-5 REMOTE_USER_IS_NOT_PUBLISHED]"),
        (ErrorCode::INVALID_REMOTE_USER, "[-6 INVALID_REMOTE_USER]"),
        (ErrorCode::ALREADY_SUBSCRIBED, "[-20001 ALREADY_SUBSCRIBED]"),
        (ErrorCode::SUB_USER_EXCEED_LIMITATION, "[-20003 SUB_USER_EXCEED_LIMITATION]"),
        (ErrorCode::NOT_SUBSCRIBED, "[-20004 NOT_SUBSCRIBED]"),
    ];
    for (code, shown) in cases {
        let error = Error::from_answer(code, "");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[test]
fn close_causes_name_the_culprit() {
    let (other_key, used) = (Some(KeyId([7; 8])), KeyId([8; 8]));
    let peer = |code, reason: &str| CloseCause::Peer { code, reason: reason.to_owned() };
    let cases = [
        (CloseCause::HandshakeTimeout { other_key: None }, ErrorKind::ServerUnreachable),
        (CloseCause::HandshakeTimeout { other_key }, ErrorKind::WrongServerKey),
        (CloseCause::Versions { offered_by_server: vec![9] }, ErrorKind::IncompatibleVersion),
        (CloseCause::IdleTimeout, ErrorKind::NotConnected),
        (CloseCause::Reset, ErrorKind::NotConnected),
        (peer(CloseCode::SHUTDOWN, "bye"), ErrorKind::NotConnected),
        (peer(CloseCode::PROTOCOL, "what?"), ErrorKind::Protocol),
        (peer(ErrorCode::TOKEN_EXPIRED.into(), "expired"), ErrorKind::TokenExpired),
    ];
    for (cause, kind) in cases {
        let error = Error::from_close(cause.clone(), used);
        assert_eq!(error.kind(), kind, "{cause:?}");
    }
    let error = Error::from_close(CloseCause::HandshakeTimeout { other_key }, used);
    for key_id in ["another one, with key id 07070707", "the key with key id 08080808"] {
        assert!(error.to_string().contains(key_id), "{error}");
    }
    assert!(StdError::source(&error).is_some());
}

#[test]
fn a_bare_number_has_a_reason() {
    for (number, words) in [
        (-10_005, ["token", "INVALID_TOKEN"]),
        (-11_033, ["receiver", "CHANNEL_RECEIVER_OFFLINE"]),
        (-12_014, ["revision", "STORAGE_OUTDATED_REVISION"]),
        (-14_007, ["lock", "LOCK_ACQUIRE_FAILED"]),
        (10_005, ["token", "-10005"]),
        (-77, ["refused", "UNKNOWN"]),
        (i32::MIN, ["refused", "UNKNOWN"]),
    ] {
        let reason = error_reason(number);
        assert!(words.iter().all(|word| reason.contains(word)), "{number}: {reason}");
    }
}
