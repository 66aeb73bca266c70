//! Smart devices, telemedicine.

use rtm_client::core::{Answer, Command};
use rtm_client::{ChannelEvent, Encryption, EncryptionMode, HistoryOptions, LinkState, Reached};

use super::super::server::OPEN_APP;
use super::super::world::{channel, name, open_inbox, subscribe, user};
use super::{EMOJI, a, file, got, kept, lab, millis, said, secs, send_file, whole};

const INBOX: u64 = 1;

#[test]
fn a_device_that_sleeps_most_of_the_time_gets_its_commands_and_answers_them() {
    let mut lab = lab(&["guardian", "watch"]);
    for one in ["guardian", "watch"] {
        // An inbox stays open over logins.
        lab.call(one, open_inbox(INBOX)).unwrap();
    }
    let mut done = Vec::new();
    for round in 0..3 {
        lab.call("watch", Command::Logout).unwrap();
        lab.run(secs(3_600));
        for command in ["locate", "ring"] {
            let what = format!("{command} {round}");
            let waiter = lab.command("guardian", kept("command", user("watch"), &what));
            let published = lab.published("guardian", waiter).unwrap();
            assert_eq!(published.reached, Reached::Stored, "it sleeps");
            done.push(format!("done {what}"));
        }
        // It wakes, takes what is there, and says so.
        lab.log_in("watch");
        lab.run(secs(2));
        let commands = said(&got(lab.client("watch"), INBOX, "command"));
        assert_eq!(commands[2 * round..], [format!("locate {round}"), format!("ring {round}")]);
        for command in &commands[2 * round..] {
            lab.call("watch", a("ack", user("guardian"), format!("done {command}"))).unwrap();
        }
    }
    let (picture, sound) = (file(20_000, 9), file(40_000, 10));
    lab.call("watch", a("picture", user("guardian"), &picture)).unwrap();
    lab.call("watch", a("text", user("guardian"), "I am here")).unwrap();
    lab.call("guardian", a("emoji", user("watch"), EMOJI)).unwrap();
    send_file(&mut lab, "watch", &user("guardian"), &sound);
    lab.run(secs(5));
    assert_eq!(said(&got(lab.client("watch"), INBOX, "emoji")), [EMOJI]);
    let guardian = lab.client("guardian");
    assert_eq!(said(&got(guardian, INBOX, "ack")), done);
    assert_eq!(got(guardian, INBOX, "picture"), [("watch".to_owned(), picture)]);
    assert_eq!(said(&got(guardian, INBOX, "text")), ["I am here"]);
    assert_eq!(whole(&got(guardian, INBOX, "file")), sound);
}

#[test]
fn what_doctor_and_patient_say_stays_between_them_and_is_kept() {
    const ROOM: u64 = 1;
    let key = || Encryption::new(EncryptionMode::Aes256Gcm, b"a key of the two", [7; 32]);
    let mut lab = lab(&["other"]);
    for one in ["doctor", "patient"] {
        lab.add_with(one, OPEN_APP, one, |config| config.encryption = Some(key()));
        lab.log_in(one);
        lab.call(one, subscribe("surgery", ROOM)).unwrap();
    }
    lab.call("other", subscribe("surgery", ROOM)).unwrap();
    let (record, scan) = (file(30_000, 11), file(15_000, 12));
    let mut texts = Vec::new();
    for round in 0..10 {
        let text = format!("take {round} of these");
        lab.command("doctor", kept("drug", channel("surgery"), &text));
        texts.push(text);
        lab.run(millis(20));
        if round == 4 {
            lab.command("doctor", kept("record", channel("surgery"), &record));
            lab.command("patient", kept("picture", channel("surgery"), &scan));
            lab.command("patient", kept("text", channel("surgery"), "it hurts"));
            lab.run(millis(15));
            lab.outage("patient");
        }
    }
    lab.run_until_link("patient", LinkState::Connected);
    lab.run(secs(10));
    for one in ["doctor", "patient"] {
        let client = lab.client(one);
        assert!(client.answers.values().all(Result::is_ok));
        assert_eq!(said(&got(client, ROOM, "drug")), texts, "{one}: nothing is lost");
        assert_eq!(got(client, ROOM, "record"), [("doctor".to_owned(), record.clone())]);
        assert_eq!(got(client, ROOM, "picture"), [("patient".to_owned(), scan.clone())]);
        assert_eq!(said(&got(client, ROOM, "text")), ["it hurts"]);
        let options = HistoryOptions::new().oldest_first(true);
        let command = Command::GetMessages { channel: Some(name("surgery")), options };
        let Ok(Answer::History(found)) = lab.call(one, command) else { panic!("no history") };
        assert_eq!(found.messages.len(), 13);
        let drugs = found.messages.iter().filter(|it| &*it.message.custom_type == "drug");
        let read: Vec<_> = drugs.map(|it| it.message.payload.clone()).collect();
        assert_eq!(read, texts, "and read again");
    }
    // Whoever hasn't the key, as the server, has nothing to read.
    let secret = |payload: &[u8]| payload.windows(8).any(|it| it == b"of these");
    let others = lab.client("other").channels.iter();
    let sealed = others.filter(|(_, event)| match event {
        ChannelEvent::Message(it) => !secret(&it.payload),
        other => panic!("{other:?}"),
    });
    assert_eq!(sealed.count(), 13);
}
