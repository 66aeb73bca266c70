//! Random schedules of what users do and when things arrive.

use proptest::prelude::*;

use crate::world::World;

const CLIENTS: usize = 5;
const TOPICS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Join(usize),
    Leave(usize),
    JoinTopic { client: usize, topic: usize, is_ordered: bool },
    LeaveTopic { client: usize, topic: usize },
    Publish { client: usize, topic: usize },
    Subscribe { client: usize, topic: usize, named: Vec<usize> },
    Unsubscribe { client: usize, topic: usize, named: Vec<usize> },
    Disconnect(usize),
    Connect(usize),
    NoticeLoss(usize),
    Restart,
    CarryOut(usize),
    Arrive { client: usize, choice: usize },
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    // Most things happen in one topic, so that they meet.
    let topic = prop_oneof![4 => Just(0), 1 => 1..TOPICS];
    let place = (client.clone(), topic);
    let named = prop_oneof![prop::collection::vec(client.clone(), 1..3), Just(Vec::new()),];
    prop_oneof![
        4 => client.clone().prop_map(Step::Join),
        1 => client.clone().prop_map(Step::Leave),
        5 => (place.clone(), any::<bool>()).prop_map(|((client, topic), is_ordered)| {
            Step::JoinTopic { client, topic, is_ordered }
        }),
        3 => place.clone().prop_map(|(client, topic)| Step::LeaveTopic { client, topic }),
        16 => place.clone().prop_map(|(client, topic)| Step::Publish { client, topic }),
        6 => (place.clone(), named.clone()).prop_map(|((client, topic), named)| {
            Step::Subscribe { client, topic, named }
        }),
        3 => (place, named).prop_map(|((client, topic), named)| {
            Step::Unsubscribe { client, topic, named }
        }),
        1 => client.clone().prop_map(Step::Disconnect),
        3 => client.clone().prop_map(Step::Connect),
        1 => client.clone().prop_map(Step::NoticeLoss),
        1 => prop::bool::weighted(0.3).prop_map(|is_one| {
            if is_one { Step::Restart } else { Step::Settle }
        }),
        30 => client.clone().prop_map(Step::CarryOut),
        40 => (client, 0..24usize).prop_map(|(client, choice)| Step::Arrive { client, choice }),
    ]
}

fn play(steps: &[Step]) {
    let mut world = World::new(CLIENTS);
    for client in 0..CLIENTS {
        world.connect(client);
        world.join(client);
        world.carry_out(client);
        world.arrive(client, 0);
    }
    for step in steps {
        match step {
            Step::Join(client) => world.join(*client),
            Step::Leave(client) => world.leave(*client),
            Step::JoinTopic { client, topic, is_ordered } => {
                world.join_topic(*client, *topic, *is_ordered);
            }
            Step::LeaveTopic { client, topic } => world.leave_topic(*client, *topic),
            Step::Publish { client, topic } => world.publish(*client, *topic),
            Step::Subscribe { client, topic, named } => world.subscribe(*client, *topic, named),
            Step::Unsubscribe { client, topic, named } => {
                world.unsubscribe(*client, *topic, named);
            }
            Step::Disconnect(client) => world.disconnect(*client),
            Step::Connect(client) => world.connect(*client),
            Step::NoticeLoss(client) => world.notice_loss(*client),
            Step::Restart => world.restart(),
            Step::CarryOut(client) => _ = world.carry_out(*client),
            Step::Arrive { client, choice } => _ = world.arrive(*client, *choice),
            Step::Settle => world.settle(),
        }
    }
    world.settle();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn owner_and_views_of_a_stream_channel_keep_their_promises(
        steps in prop::collection::vec(step(), 0..400),
    ) {
        play(&steps);
    }
}

#[test]
fn what_has_come_before_an_end_was_asked_for_is_not_named_missing() {
    use Step::*;
    play(&[
        JoinTopic { client: 2, topic: 0, is_ordered: false },
        CarryOut(2),
        Subscribe { client: 3, topic: 0, named: vec![2] },
        JoinTopic { client: 3, topic: 0, is_ordered: false },
        Settle,
        LeaveTopic { client: 2, topic: 0 },
        Disconnect(3),
        Settle,
        LeaveTopic { client: 3, topic: 0 },
        JoinTopic { client: 2, topic: 0, is_ordered: true },
        CarryOut(2),
        Arrive { client: 3, choice: 0 },
        CarryOut(3),
        CarryOut(3),
        Arrive { client: 2, choice: 0 },
        Publish { client: 2, topic: 0 },
        Arrive { client: 3, choice: 0 },
        CarryOut(2),
        Arrive { client: 3, choice: 5 },
        Unsubscribe { client: 3, topic: 0, named: vec![2] },
        Publish { client: 2, topic: 0 },
        CarryOut(2),
        Arrive { client: 3, choice: 0 },
        Arrive { client: 3, choice: 0 },
    ]);
}

#[test]
fn what_was_on_its_way_to_a_former_membership_is_nobodys() {
    use Step::*;
    play(&[
        Subscribe { client: 2, topic: 0, named: vec![] },
        JoinTopic { client: 1, topic: 0, is_ordered: false },
        Settle,
        Publish { client: 1, topic: 0 },
        CarryOut(0),
        CarryOut(1),
        Leave(2),
        CarryOut(2),
        Arrive { client: 2, choice: 8 },
        Join(2),
        CarryOut(2),
        Arrive { client: 2, choice: 0 },
        Subscribe { client: 2, topic: 0, named: vec![1] },
        Arrive { client: 2, choice: 0 },
    ]);
}
