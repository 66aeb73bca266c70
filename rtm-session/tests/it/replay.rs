//! The same seed gives the same run, to the byte.

use rtm_sim::Reorder;
use rtm_wire::LaneId;

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};

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
