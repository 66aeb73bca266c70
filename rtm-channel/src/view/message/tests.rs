//! Every state and event against a written table.

use rtm_wire::{Epoch, QueuePolicy};

use super::*;

const OPTIONS: SubscribeOptions = SubscribeOptions {
    messages: true,
    presence: true,
    metadata: false,
    locks: false,
    quiet: false,
    queue: QueuePolicy::Default,
};

/// The states, by the numbers of the last message: `asked` knows none, the others 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum S {
    Idle,
    Asked,
    Early(u64, u64),
    /// With a hole before the last one.
    Holey(u64, (u64, u64), u64),
    Subscribed(u64),
    LostAny,
    Lost(u64),
    Again(u64),
    Leaving,
}

const STATES: [S; 8] = [
    S::Idle,
    S::Asked,
    S::Early(4, 5),
    S::Subscribed(5),
    S::LostAny,
    S::Lost(5),
    S::Again(5),
    S::Leaving,
];

fn at(sequence: u64) -> Position {
    Position { epoch: Epoch(1), sequence: Sequence(sequence) }
}

fn view(state: S) -> MessageView {
    let options = OPTIONS;
    let state = match state {
        S::Idle => ViewState::Idle,
        S::Asked => ViewState::Subscribing { options, early: None },
        S::Early(first, last) => {
            let early = Some(Early { first: at(first), last: at(last), hole: None });
            ViewState::Subscribing { options, early }
        }
        S::Holey(first, (after, before), last) => {
            let hole = Some(Gap { after: at(after), before: at(before) });
            let early = Some(Early { first: at(first), last: at(last), hole });
            ViewState::Subscribing { options, early }
        }
        S::Subscribed(last) => ViewState::Subscribed { options, last: at(last) },
        S::LostAny => ViewState::Lost { options, last: None },
        S::Lost(last) => ViewState::Lost { options, last: Some(at(last)) },
        S::Again(last) => ViewState::Resubscribing { options, last: at(last) },
        S::Leaving => ViewState::Unsubscribing,
    };
    MessageView { state }
}

/// Applies `event` to every state and compares result and next state with the table.
#[track_caller]
fn check<T>(event: impl Fn(&mut MessageView) -> T, wanted: [(T, S); 8])
where
    T: PartialEq + std::fmt::Debug,
{
    for (state, (result, next)) in STATES.into_iter().zip(wanted) {
        let mut it = view(state);
        assert_eq!(event(&mut it), result, "from {state:?}");
        assert_eq!(it, view(next), "from {state:?}");
    }
}

fn code(result: Result<(), Refusal>) -> Option<ErrorCode> {
    result.err().map(|refusal| refusal.code)
}

#[test]
fn what_the_user_asks_for_follows_the_table() {
    let twice = Some(ErrorCode::DUPLICATE_OPERATION);
    check(
        |view| code(view.subscribe(OPTIONS)),
        [
            (None, S::Asked),
            (twice, S::Asked),
            (twice, S::Early(4, 5)),
            (twice, S::Subscribed(5)),
            (twice, S::LostAny),
            (twice, S::Lost(5)),
            (twice, S::Again(5)),
            (twice, S::Leaving),
        ],
    );
    let none = Some(ErrorCode::CHANNEL_NOT_SUBSCRIBED);
    check(
        |view| code(view.unsubscribe()),
        [
            (none, S::Idle),
            (none, S::Asked),
            (none, S::Early(4, 5)),
            (None, S::Leaving),
            (None, S::Idle),
            (None, S::Idle),
            (none, S::Again(5)),
            (none, S::Leaving),
        ],
    );
}

#[test]
fn what_the_owner_answers_follows_the_table() {
    let gap = Some(Gap { after: at(5), before: at(8) });
    check(
        |view| view.on_subscribed(at(7)).pop(),
        [
            (None, S::Idle),
            (None, S::Subscribed(7)),
            (None, S::Subscribed(7)),
            (None, S::Subscribed(5)),
            (None, S::LostAny),
            (None, S::Lost(5)),
            (gap, S::Subscribed(7)),
            (None, S::Leaving),
        ],
    );
    check(
        MessageView::on_refused,
        [
            ((), S::Idle),
            ((), S::Idle),
            ((), S::Idle),
            ((), S::Subscribed(5)),
            ((), S::LostAny),
            ((), S::Lost(5)),
            ((), S::Idle),
            ((), S::Leaving),
        ],
    );
    check(
        MessageView::on_unsubscribed,
        [
            ((), S::Idle),
            ((), S::Asked),
            ((), S::Early(4, 5)),
            ((), S::Subscribed(5)),
            ((), S::LostAny),
            ((), S::Lost(5)),
            ((), S::Again(5)),
            ((), S::Idle),
        ],
    );
}

#[test]
fn what_becomes_of_the_session_follows_the_table() {
    check(
        MessageView::on_disconnected,
        [
            ((), S::Idle),
            ((), S::LostAny),
            ((), S::Lost(5)),
            ((), S::Lost(5)),
            ((), S::LostAny),
            ((), S::Lost(5)),
            ((), S::Lost(5)),
            ((), S::Idle),
        ],
    );
    check(
        MessageView::resubscribe,
        [
            (None, S::Idle),
            (None, S::Asked),
            (None, S::Early(4, 5)),
            (None, S::Subscribed(5)),
            (Some((OPTIONS, None)), S::Asked),
            (Some((OPTIONS, Some(at(5)))), S::Again(5)),
            (None, S::Again(5)),
            (None, S::Leaving),
        ],
    );
}

#[test]
fn messages_follow_the_table() {
    let (deliver, repeat, unwanted) = (Verdict::Deliver, Verdict::Repeat, Verdict::Unwanted);
    check(
        |view| view.on_message(at(5)),
        [
            (unwanted, S::Idle),
            (deliver, S::Early(5, 5)),
            (repeat, S::Early(4, 5)),
            (repeat, S::Subscribed(5)),
            (unwanted, S::LostAny),
            (unwanted, S::Lost(5)),
            (repeat, S::Again(5)),
            (unwanted, S::Leaving),
        ],
    );
    check(
        |view| view.on_message(at(6)),
        [
            (unwanted, S::Idle),
            (deliver, S::Early(6, 6)),
            (deliver, S::Early(4, 6)),
            (deliver, S::Subscribed(6)),
            (unwanted, S::LostAny),
            (unwanted, S::Lost(5)),
            (deliver, S::Again(6)),
            (unwanted, S::Leaving),
        ],
    );
    let gap = Verdict::DeliverAfter(Gap { after: at(5), before: at(9) });
    check(
        |view| view.on_message(at(9)),
        [
            (unwanted, S::Idle),
            (deliver, S::Early(9, 9)),
            (deliver, S::Holey(4, (5, 9), 9)),
            (gap, S::Subscribed(9)),
            (unwanted, S::LostAny),
            (unwanted, S::Lost(5)),
            (gap, S::Again(9)),
            (unwanted, S::Leaving),
        ],
    );
}

#[test]
fn a_gap_counts_what_is_missing_within_an_epoch() {
    let mut view = view(S::Subscribed(6));
    let gap = Gap { after: at(6), before: at(9) };
    assert_eq!(view.on_message(at(9)), Verdict::DeliverAfter(gap));
    assert_eq!(gap.count(), Some(2));
    let later = Position { epoch: Epoch(2), sequence: Sequence(1) };
    let gap = Gap { after: at(9), before: later };
    assert_eq!(view.on_message(later), Verdict::DeliverAfter(gap));
    assert_eq!(gap.count(), None);
    assert_eq!(view.on_message(at(10)), Verdict::Repeat, "of an earlier epoch");
}

#[test]
fn the_answer_tells_early_messages_from_those_of_an_earlier_subscription() {
    // What came first, the position of the answer, the gap, and the last message known.
    let cases = [
        (&[6, 7][..], 5, &[][..], 7),
        (&[6, 7], 7, &[], 7),
        (&[6, 9], 8, &[], 9),
        (&[6, 9], 7, &[(7, 9)], 9),
        (&[6, 9], 6, &[(6, 9)], 9),
        (&[8, 9], 6, &[(6, 8)], 9),
        (&[8, 9, 12], 6, &[(6, 8), (9, 12)], 12),
        (&[8, 10, 13], 7, &[(8, 13)], 13),
        (&[8, 10, 13], 12, &[], 13),
        (&[9, 6], 8, &[], 9),
    ];
    for (early, position, gaps, last) in cases {
        let mut it = view(S::Asked);
        for &sequence in early {
            it.on_message(at(sequence));
        }
        let gap = |&(after, before)| Gap { after: at(after), before: at(before) };
        let gaps: Vec<_> = gaps.iter().map(gap).collect();
        assert_eq!(it.on_subscribed(at(position)), gaps, "{early:?}, {position}");
        assert_eq!(it, view(S::Subscribed(last)), "{early:?}, {position}");
    }
}

#[test]
fn early_messages_of_a_resubscription_count() {
    let mut it = view(S::Again(5));
    let gap = Gap { after: at(5), before: at(9) };
    assert_eq!(it.on_message(at(9)), Verdict::DeliverAfter(gap));
    assert_eq!(it.on_subscribed(at(8)), []);
    assert_eq!(it, view(S::Subscribed(9)));
}

#[test]
fn who_wants_no_messages_misses_none() {
    let options = SubscribeOptions { messages: false, ..OPTIONS };
    let mut view = MessageView { state: ViewState::Resubscribing { options, last: at(5) } };
    assert_eq!(view.on_subscribed(at(8)), []);
}
