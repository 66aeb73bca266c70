//! Collaborative office.

use rtm_client::core::{Answer, Command, HandleId, LockAct, WriteKind};
use rtm_client::{ChannelId, LockOptions, MetadataItem, MetadataOptions, SubscribeOptions};

use super::super::storage::{items, lobby, set, write};
use super::super::world::{Lab, channel, name};
use super::{EMOJI, a, crowd, each, file, got, lab, said, secs, send_file, whole};

const OFFICE: u64 = 1;

/// The set's revision and the counter in it.
fn read(lab: &mut Lab, who: &str) -> (i64, u64) {
    let command = Command::ReadMetadata { target: lobby() };
    let Ok(Answer::Metadata(set)) = lab.call(who, command) else { panic!("no metadata") };
    let count = set.get("words").map(|item| String::from_utf8_lossy(&item.value).into_owned());
    (set.major_revision, count.unwrap().parse().unwrap())
}

#[test]
fn in_an_office_nobody_overwrites_what_another_has_written() {
    let people = crowd("person", 5);
    let mut lab = lab(&each(&people));
    for person in &people {
        let options = SubscribeOptions::new().metadata(true).locks(true);
        let (channel, handle) = (name("lobby"), HandleId(OFFICE));
        lab.call(person, Command::Subscribe { channel, options, handle }).unwrap();
    }
    lab.call(&people[0], set(lobby(), &["words=0", "meeting=none"])).unwrap();
    // Each adds its words to the revision that it has read, and begins again if that is old.
    let mut refused = 0;
    for _ in 0..4 {
        let seen: Vec<_> = people.iter().map(|person| read(&mut lab, person)).collect();
        let mut left: Vec<_> = people.iter().zip(seen).collect();
        while !left.is_empty() {
            let begun: Vec<_> = left
                .drain(..)
                .map(|(person, (revision, words))| {
                    let item = MetadataItem::new("words", (words + 1).to_string());
                    let options = MetadataOptions::new().major_revision(revision);
                    let command = write(lobby(), WriteKind::Update, &[item], options);
                    (person, lab.command(person, command))
                })
                .collect();
            let mut again = Vec::new();
            for (person, waiter) in begun {
                if lab.answer(person, waiter).is_err() {
                    again.push(person);
                }
            }
            refused += again.len();
            left = again.into_iter().map(|it| (it, read(&mut lab, it))).collect();
        }
    }
    assert_eq!(read(&mut lab, &people[0]).1, 20, "no word is lost");
    assert!(refused > 0, "they have met");
    // The meeting is arranged by one at a time.
    let lock = |act| {
        let channel = ChannelId::message("lobby").unwrap();
        Command::Lock { channel, name: "calendar".into(), act }
    };
    lab.call(&people[0], lock(LockAct::Set(LockOptions::new()))).unwrap();
    let waiters: Vec<_> = people
        .iter()
        .map(|it| (it, lab.command(it, lock(LockAct::Acquire { retry: true }))))
        .collect();
    for (person, waiter) in waiters {
        let Ok(Answer::Acquired(_)) = lab.answer(person, waiter) else { panic!("no lock") };
        let meeting = items(&[&format!("meeting=by {person}")]);
        let options = MetadataOptions::new().lock("calendar");
        lab.call(person, write(lobby(), WriteKind::Update, &meeting, options)).unwrap();
        lab.call(person, lock(LockAct::Release)).unwrap();
    }
    lab.call(&people[1], a("text", channel("lobby"), "done")).unwrap();
    lab.call(&people[2], a("emoji", channel("lobby"), EMOJI)).unwrap();
    let minutes = file(50_000, 8);
    send_file(&mut lab, &people[3], &channel("lobby"), &minutes);
    lab.run(secs(5));

    for person in &people {
        let client = lab.client(person);
        assert_eq!(client.stored_set(OFFICE), "meeting=by person4 words=20", "{person}");
        assert_eq!(said(&got(client, OFFICE, "text")), ["done"]);
        assert_eq!(said(&got(client, OFFICE, "emoji")), [EMOJI]);
        assert_eq!(whole(&got(client, OFFICE, "file")), minutes);
    }
}
