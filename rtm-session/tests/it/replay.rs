//! The same seed gives the same run, to the byte.

use std::process::Command;

use rtm_sim::Reorder;
use rtm_wire::LaneId;

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};

/// Set for a child process: the seed whose trace it prints.
const CHILD: &str = "RTM_REPLAY_SEED";

/// A hash over all datagrams, the handshake's included, with their times.
fn trace(seed: u64) -> u64 {
    let link =
        delay(20).jitter(ms(9)).loss(0.1).reorder(Reorder { probability: 0.1, extra_delay: ms(7) });
    let mut pair = Setup::new(link).seed(seed).connected();
    for round in 0..50_usize {
        pair.send(CLIENT, LaneId::CONTROL, vec![1; round * 40]);
        pair.send(SERVER, LaneId::CONTROL, vec![2; round * 30]);
        pair.run(ms(7));
    }
    pair.run(ms(3_000));
    pair.world.network().trace_hash().expect("recorded")
}

#[test]
fn the_same_seed_gives_the_same_datagrams() {
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}

#[test]
fn two_processes_send_the_same_datagrams() {
    if let Some(seed) = std::env::var(CHILD).ok().and_then(|seed| seed.parse().ok()) {
        println!("trace {:016x}", trace(seed));
        return;
    }
    let child = |seed: u64| {
        let program = std::env::current_exe().expect("a test has a file");
        let output = Command::new(program)
            .args(["--exact", "replay::two_processes_send_the_same_datagrams", "--nocapture"])
            .env(CHILD, seed.to_string())
            .output()
            .expect("the test binary runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let hash = text.split("trace ").nth(1).and_then(|rest| rest.get(..16));
        hash.unwrap_or_else(|| panic!("no trace in {text}")).to_owned()
    };

    let [first, second, other] = [5, 5, 6].map(child);

    assert_eq!(first, second);
    assert_eq!(first, format!("{:016x}", trace(5)));
    assert_ne!(first, other);
}
