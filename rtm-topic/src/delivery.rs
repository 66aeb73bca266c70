//! What a publisher may choose of how its messages travel.

use std::time::Duration;

use rtm_channel::Refusal;
use rtm_wire::{Delivery, ErrorCode, Priority, Qos, QueuePolicy, Reliability};

/// Longest time to live of a message in a topic: one minute. Shortest: a millisecond.
const DEADLINE_MAX: Duration = Duration::from_secs(60);

/// Checks what a publisher has chosen, at both ends.
///
/// # Errors
/// An order, urgency or reliability that this version doesn't know; a deadline out of its range, or
/// in a topic that has none.
pub fn check_delivery(delivery: Delivery) -> Result<Delivery, Refusal> {
    let Delivery { qos, priority, reliability, deadline_ms } = delivery;
    let is_unknown = matches!(qos, Qos::Unknown(_))
        || matches!(priority, Priority::Unknown(_))
        || matches!(reliability, Reliability::Unknown(_));
    if is_unknown {
        let reason = "this version knows topics that are ordered or unordered, of priority 0, 1, 4 \
                      or 8, and reliable, with a deadline, or latest-only";
        return Err(Refusal::new(ErrorCode::SERVICE_NOT_SUPPORTED, reason));
    }
    let most = DEADLINE_MAX.as_millis();
    let reason = match reliability {
        Reliability::Deadline if !(1..=most).contains(&deadline_ms.into()) => {
            format!("a deadline of {deadline_ms} ms; choose 1 to {most}")
        }
        Reliability::Deadline => return Ok(delivery),
        _ if deadline_ms == 0 => return Ok(delivery),
        _ => format!("a deadline of {deadline_ms} ms in a topic whose messages have none"),
    };
    Err(Refusal::new(ErrorCode::INVALID_PARAMETER, reason))
}

/// How a publication is heard by who lets messages be dropped: in order, and who wants the latest
/// only is told of none that is missing. What publishers skip by themselves stays theirs to choose.
pub(crate) fn heard_as(delivery: Delivery, queue: QueuePolicy) -> Delivery {
    match queue {
        _ if !delivery.is_reliable() => delivery,
        QueuePolicy::DropOldest => Delivery { qos: Qos::Ordered, ..delivery },
        QueuePolicy::LatestOnly => {
            let reliability = Reliability::Deadline;
            Delivery { qos: Qos::Ordered, reliability, ..delivery }
        }
        _ => delivery,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(reliability: Reliability, deadline_ms: u32) -> Option<ErrorCode> {
        let delivery = Delivery { reliability, deadline_ms, ..Delivery::default() };
        check_delivery(delivery).err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_deadline_is_taken_at_its_ends_and_refused_beyond() {
        let refused = Some(ErrorCode::INVALID_PARAMETER);
        for (deadline_ms, expected) in [(0, refused), (1, None), (60_000, None), (60_001, refused)]
        {
            assert_eq!(code(Reliability::Deadline, deadline_ms), expected, "{deadline_ms}");
        }
        for reliability in [Reliability::Reliable, Reliability::LatestOnly] {
            assert_eq!((code(reliability, 0), code(reliability, 1)), (None, refused));
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let delivery = Delivery::default();
        for delivery in [
            Delivery { qos: Qos::Unknown(2), ..delivery },
            Delivery { priority: Priority::Unknown(5), ..delivery },
            Delivery { reliability: Reliability::Unknown(3), ..delivery },
        ] {
            let refusal = check_delivery(delivery).expect_err("unknown");
            assert_eq!(refusal.code, ErrorCode::SERVICE_NOT_SUPPORTED);
        }
    }
}
