//! Every state and event against a written table.

use rtm_wire::Epoch;

use super::*;

const OPTIONS: SubscribeOptions = SubscribeOptions {
    messages: true,
    presence: true,
    metadata: false,
    locks: false,
    quiet: false,
};

fn at(sequence: u64) -> Position {
    Position { epoch: Epoch(1), sequence: Sequence(sequence) }
}

const fn view(state: ViewState) -> MessageView {
    MessageView { state }
}

fn states() -> [ViewState; 6] {
    [
        ViewState::Idle,
        ViewState::Subscribing { options: OPTIONS, last: None },
        ViewState::Subscribing { options: OPTIONS, last: Some(at(5)) },
        ViewState::Subscribed { options: OPTIONS, last: at(5) },
        ViewState::Lost { options: OPTIONS, last: Some(at(5)) },
        ViewState::Unsubscribing,
    ]
}

/// Applies `event` to every state and compares with the states that should follow.
fn check(event: impl Fn(&mut MessageView), wanted: [ViewState; 6]) {
    for (state, wanted) in states().into_iter().zip(wanted) {
        let mut view = view(state);
        event(&mut view);
        assert_eq!(view.state(), wanted, "from {state:?}");
    }
}

#[test]
fn transitions_follow_the_table() {
    let [idle, asked, asked_5, subscribed, lost, leaving] = states();
    let subscribed_at = |sequence| ViewState::Subscribed { options: OPTIONS, last: at(sequence) };
    let lost_new = ViewState::Lost { options: OPTIONS, last: None };
    check(|view| drop(view.subscribe(OPTIONS)), [asked, asked, asked_5, subscribed, lost, leaving]);
    check(
        |view| {
            view.on_subscribed(at(7));
        },
        [idle, subscribed_at(7), subscribed_at(7), subscribed, lost, leaving],
    );
    check(MessageView::on_refused, [idle, idle, idle, subscribed, lost, leaving]);
    check(|view| drop(view.unsubscribe()), [idle, asked, asked_5, leaving, idle, leaving]);
    check(MessageView::on_unsubscribed, [idle, asked, asked_5, subscribed, lost, idle]);
    check(MessageView::on_disconnected, [idle, lost_new, lost, lost, lost, idle]);
    check(|view| _ = view.resubscribe(), [idle, asked, asked_5, subscribed, asked_5, leaving]);
    let asked_9 = ViewState::Subscribing { options: OPTIONS, last: Some(at(9)) };
    check(
        |view| {
            view.on_message(at(9));
        },
        [idle, asked_9, asked_9, subscribed_at(9), lost, leaving],
    );
}

#[test]
fn refusals_have_numbers() {
    for state in states() {
        let subscribe = view(state).subscribe(OPTIONS).err().map(|refusal| refusal.code);
        let expected = (state != ViewState::Idle).then_some(ErrorCode::DUPLICATE_OPERATION);
        assert_eq!(subscribe, expected, "{state:?}");
        let unsubscribe = view(state).unsubscribe().err().map(|refusal| refusal.code);
        let is_there = matches!(state, ViewState::Subscribed { .. } | ViewState::Lost { .. });
        let expected = (!is_there).then_some(ErrorCode::CHANNEL_NOT_SUBSCRIBED);
        assert_eq!(unsubscribe, expected, "{state:?}");
    }
}

#[test]
fn repeats_are_dropped_and_gaps_are_named() {
    let mut view = view(ViewState::Subscribed { options: OPTIONS, last: at(5) });
    assert_eq!(view.on_message(at(5)), Verdict::Repeat);
    assert_eq!(view.on_message(at(6)), Verdict::Deliver);
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
fn what_was_missed_while_away_is_a_gap() {
    let mut view = view(ViewState::Lost { options: OPTIONS, last: Some(at(5)) });
    assert_eq!(view.resubscribe(), Some((OPTIONS, Some(at(5)))));
    assert_eq!(view.on_subscribed(at(8)), Some(Gap { after: at(5), before: at(9) }));
    assert_eq!(view.on_message(at(9)), Verdict::Deliver);
}
