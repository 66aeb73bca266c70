//! E-commerce, finance.

use rtm_client::core::{Answer, Command};
use rtm_client::{HistoryOptions, LinkState, Reached};

use super::super::world::{Lab, open_inbox, user};
use super::{EMOJI, file, got, kept, lab, millis, said, secs};

const INBOX: u64 = 1;

/// What a user's own history has: who to whom, and what of which kind.
fn history(lab: &mut Lab, of: &str) -> Vec<(String, String, Vec<u8>)> {
    let options = HistoryOptions::new().oldest_first(true);
    let command = Command::GetMessages { channel: None, options };
    let Ok(Answer::History(found)) = lab.call(of, command) else { panic!("no history of {of}") };
    let row = |it: &rtm_client::HistoryMessage| {
        let message = &it.message;
        (message.publisher.to_string(), message.custom_type.to_string(), message.payload.to_vec())
    };
    found.messages.iter().map(row).collect()
}

#[test]
fn in_a_shop_the_side_that_is_away_finds_everything_when_it_comes() {
    let mut lab = lab(&["buyer", "shop", "platform"]);
    for side in ["buyer", "platform"] {
        lab.call(side, open_inbox(INBOX)).unwrap();
    }
    // The seller isn't there.
    lab.call("shop", Command::Logout).unwrap();
    let picture = file(12_000, 5);
    let goods = br#"{"goods":17,"price":"3.20"}"#;
    let order = br#"{"order":1,"goods":17,"count":2}"#;
    let sent: [(&str, &[u8]); 5] = [
        ("text", b"is it blue?"),
        ("emoji", EMOJI.as_bytes()),
        ("picture", &picture),
        ("goods", goods),
        ("order", order),
    ];
    for (kind, payload) in sent {
        let waiter = lab.command("buyer", kept(kind, user("shop"), payload));
        assert_eq!(lab.published("buyer", waiter).unwrap().reached, Reached::Stored, "{kind}");
    }
    lab.call("platform", kept("text", user("shop"), "a new order")).unwrap();
    lab.log_in("shop");
    lab.call("shop", open_inbox(INBOX)).unwrap();
    lab.run(secs(5));
    let shop = lab.client("shop");
    for (kind, payload) in &sent[1..] {
        let came = got(shop, INBOX, kind);
        assert_eq!(came.len(), 1, "{kind} once");
        assert_eq!((&*came[0].0, &came[0].1[..]), ("buyer", *payload));
    }
    assert_eq!(said(&got(shop, INBOX, "text")), ["is it blue?", "a new order"]);
    // The buyer is there, and hears at once.
    let waiter = lab.command("shop", kept("text", user("buyer"), "yes"));
    assert_eq!(lab.published("shop", waiter).unwrap().reached, Reached::Received);
    assert_eq!(said(&got(lab.client("buyer"), INBOX, "text")), ["yes"]);
    let kinds = |rows: &[(String, String, Vec<u8>)]| {
        rows.iter().map(|(by, kind, _)| format!("{by} {kind}")).collect::<Vec<_>>()
    };
    let of_shop = history(&mut lab, "shop");
    let expected = ["buyer text", "buyer emoji", "buyer picture", "buyer goods", "buyer order"];
    assert_eq!(kinds(&of_shop)[..5], expected);
    assert_eq!(kinds(&of_shop)[5..], ["platform text"]);
    assert_eq!(of_shop[4].2, order);
}

#[test]
fn in_finance_what_was_sent_stands_in_the_audit_history_once_and_in_order() {
    let mut lab = lab(&["customer", "agent"]);
    for side in ["customer", "agent"] {
        lab.call(side, open_inbox(INBOX)).unwrap();
    }
    let (contract, scan) = (file(28_000, 6), file(14_000, 7));
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for round in 0..20 {
        let text = format!("transfer {round}");
        expected.push(text.clone().into_bytes());
        lab.command("customer", kept("text", user("agent"), &text));
        match round {
            5 => {
                expected.extend([contract.to_vec(), scan.to_vec()]);
                lab.command("customer", kept("file", user("agent"), &contract));
                lab.command("customer", kept("picture", user("agent"), &scan));
            }
            // The line is cut while answers are on their way.
            8 | 14 => {
                lab.run(millis(30));
                lab.set_blackout("customer", true);
                lab.run_until_link("customer", LinkState::Disconnected);
                lab.set_blackout("customer", false);
            }
            _ => lab.run(millis(30)),
        }
    }
    lab.run_until_link("customer", LinkState::Connected);
    lab.run(secs(10));
    let answers = &lab.client("customer").answers;
    assert!(answers.values().all(Result::is_ok), "each is answered: {answers:?}");
    let audit = history(&mut lab, "agent");
    let found: Vec<_> = audit.iter().map(|(_, _, payload)| payload.clone()).collect();
    assert_eq!(found, expected);
    // It came to the agent, too, each once.
    let client = lab.client("agent");
    let texts: Vec<_> = (0..20).map(|round| format!("transfer {round}")).collect();
    assert_eq!(said(&got(client, INBOX, "text")), texts);
    assert_eq!(got(client, INBOX, "file"), [("customer".to_owned(), contract)]);
    assert_eq!(got(client, INBOX, "picture"), [("customer".to_owned(), scan)]);
}
