//! Operations of histories.

use super::*;

#[test]
fn requests_of_histories() {
    let time = |millis| Bound::Time(UnixTime::from_millis(millis));
    let at = Position { epoch: Epoch(1), sequence: Sequence(2) };
    let all = GetMessages {
        channel: LOBBY,
        oldest_first: false,
        limit: 0,
        from: Bound::Open,
        to: Bound::Open,
    };
    let page = GetMessages { oldest_first: true, limit: 5, from: Bound::Position(at), ..all };
    requests(&[
        (b"\x60\x05\x01\x05lobby\x00\x00\x00\x00", 5, all.into()),
        (b"\x60\x05\x01\x05lobby\x01\x05\x02\x01\x02\x00", 5, page.into()),
        (
            b"\x60\x05\x01\x05lobby\x00\x00\x01\x07\x01\x09",
            5,
            GetMessages { from: time(7), to: time(9), ..all }.into(),
        ),
    ]);
    let invalid = |field| DecodeError::Invalid { field };
    refused_requests(&[
        (b"\x60\x05\x01\x05lobby\x02\x00\x00\x00", 5, invalid("history flags")),
        (b"\x60\x05\x01\x05lobby\x00\x00\x03\x00", 5, invalid("bound")),
        (b"\x60\x05\x01\x05lobby\x00\x00\x00", 5, DecodeError::Short { field: "get messages" }),
        (b"\x60\x05\x01\x05lobby\x00\x00\x00\x00!", 5, DecodeError::Trailing),
    ]);
}
