//! Metaverse, interactive games.

use rtm_client::{Priority, Qos, TopicOptions};

use super::super::world::{
    channel, join, join_topic_with, publication, subscribe, subscribe_topic,
};
use super::{
    EMOJI, a, crowd, each, file, got, got_topic, lab, last_of, millis, said, secs, send_file, whole,
};

const CHAT: u64 = 1;
const ROOM: u64 = 2;
const OWN: u64 = 3;
const POSITIONS: u64 = 4;
const COMMANDS: u64 = 5;
const ORDERS: u64 = 6;

#[test]
fn in_a_metaverse_avatars_of_a_room_see_each_other_move_talk_and_show_things() {
    let avatars = crowd("avatar", 50);
    let moving = &avatars[..10];
    let mut lab = lab(&each(&avatars));
    for avatar in &avatars {
        lab.call(avatar, subscribe("plaza", CHAT)).unwrap();
        lab.call(avatar, join("plaza", ROOM)).unwrap();
        lab.call(avatar, subscribe_topic("plaza", "moves", &[], POSITIONS)).unwrap();
    }
    for avatar in moving {
        let options = TopicOptions::new().latest_only();
        lab.call(avatar, join_topic_with("plaza", "moves", OWN, options)).unwrap();
    }
    // Ten times a second, while they talk.
    for (step, talker) in avatars[..20].iter().enumerate() {
        for avatar in moving {
            let position = format!("{step} 0 {step}");
            lab.with_client(avatar, |it, now| {
                it.command(now, a("move", publication(OWN), position));
            });
        }
        if step % 5 == 0 {
            lab.command(talker, a("text", channel("plaza"), format!("hello {step}")));
            lab.command(talker, a("emoji", channel("plaza"), EMOJI));
        }
        lab.run(millis(100));
    }
    let song = file(40_000, 1);
    send_file(&mut lab, &avatars[20], &channel("plaza"), &song);
    lab.run(secs(5));

    for avatar in &avatars {
        let client = lab.client(avatar);
        assert_eq!(said(&got(client, CHAT, "text")).len(), 4);
        assert_eq!(said(&got(client, CHAT, "emoji")), [EMOJI; 4]);
        assert_eq!(whole(&got(client, CHAT, "file")), song);
        let moves = got_topic(client, POSITIONS, "move");
        for other in moving.iter().filter(|other| *other != avatar) {
            assert_eq!(last_of(&moves, other).as_deref(), Some("19 0 19"), "{avatar}: {other}");
        }
    }
    let order = said(&got(lab.client(&avatars[0]), CHAT, "text"));
    assert!(avatars.iter().all(|it| said(&got(lab.client(it), CHAT, "text")) == order));
}

#[test]
fn in_a_game_commands_come_in_order_and_positions_are_the_newest() {
    let players = crowd("player", 10);
    let mut lab = lab(&each(&players));
    let team = &players[..5];
    for player in &players {
        lab.call(player, subscribe("arena", CHAT)).unwrap();
        lab.call(player, join("arena", ROOM)).unwrap();
        let options = TopicOptions::new().latest_only();
        lab.call(player, join_topic_with("arena", "moves", OWN, options)).unwrap();
        lab.call(player, subscribe_topic("arena", "moves", &[], POSITIONS)).unwrap();
    }
    for player in team {
        let options = TopicOptions::new().qos(Qos::Ordered).priority(Priority::Highest);
        lab.call(player, join_topic_with("arena", "red", COMMANDS, options)).unwrap();
        lab.call(player, subscribe_topic("arena", "red", &[], ORDERS)).unwrap();
    }
    for step in 0..60 {
        for player in &players {
            let position = format!("{step}");
            lab.with_client(player, |it, now| {
                it.command(now, a("move", publication(OWN), position));
            });
        }
        if step % 6 == 0 {
            for player in team {
                lab.command(player, a("command", publication(COMMANDS), format!("fire {step}")));
            }
        }
        lab.run(millis(17));
    }
    lab.call(&players[9], a("text", channel("arena"), "gg")).unwrap();
    lab.call(&players[9], a("emoji", channel("arena"), EMOJI)).unwrap();
    let clip = file(30_000, 2);
    send_file(&mut lab, &players[9], &channel("arena"), &clip);
    lab.run(secs(5));

    let orders: Vec<_> = (0..10).map(|it| format!("fire {}", it * 6)).collect();
    for player in &players {
        let client = lab.client(player);
        let moves = got_topic(client, POSITIONS, "move");
        for other in players.iter().filter(|other| *other != player) {
            assert_eq!(last_of(&moves, other).as_deref(), Some("59"));
        }
        assert_eq!(said(&got(client, CHAT, "text")), ["gg"]);
        assert_eq!(said(&got(client, CHAT, "emoji")), [EMOJI]);
        assert_eq!(whole(&got(client, CHAT, "file")), clip);
        let commands = got_topic(client, ORDERS, "command");
        for other in team.iter().filter(|other| *other != player && team.contains(player)) {
            let by: Vec<_> = commands.iter().filter(|(by, _)| by == other).cloned().collect();
            assert_eq!(said(&by), orders, "{player}: {other}");
        }
        assert_eq!(commands.is_empty(), !team.contains(player), "for the team alone");
    }
}
