//! Random schedules of what users do and when things arrive.

use proptest::prelude::*;

use crate::world::World;

const CLIENTS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Subscribe { client: usize, hears: bool },
    Unsubscribe { client: usize },
    Publish { client: usize },
    Disconnect { client: usize },
    Connect { client: usize },
    NoticeLoss { client: usize },
    Restart,
    CarryOut { client: usize },
    Arrive { client: usize, choice: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        6 => (client.clone(), prop::bool::weighted(0.9))
            .prop_map(|(client, hears)| Step::Subscribe { client, hears }),
        5 => client.clone().prop_map(|client| Step::Unsubscribe { client }),
        9 => client.clone().prop_map(|client| Step::Publish { client }),
        1 => client.clone().prop_map(|client| Step::Disconnect { client }),
        4 => client.clone().prop_map(|client| Step::Connect { client }),
        1 => client.clone().prop_map(|client| Step::NoticeLoss { client }),
        1 => Just(Step::Restart),
        16 => client.clone().prop_map(|client| Step::CarryOut { client }),
        20 => (client, 0..6usize)
            .prop_map(|(client, choice)| Step::Arrive { client, choice }),
    ]
}

fn play(steps: &[Step]) {
    let mut world = World::new(CLIENTS);
    for client in 0..CLIENTS {
        world.connect(client);
    }
    for &step in steps {
        match step {
            Step::Subscribe { client, hears } => world.subscribe(client, hears),
            Step::Unsubscribe { client } => world.unsubscribe(client),
            Step::Publish { client } => world.publish(client),
            Step::Disconnect { client } => world.disconnect(client),
            Step::Connect { client } => world.connect(client),
            Step::NoticeLoss { client } => world.notice_loss(client),
            Step::Restart => world.restart(),
            Step::CarryOut { client } => _ = world.carry_out(client),
            Step::Arrive { client, choice } => _ = world.arrive(client, choice),
        }
    }
    world.settle();
}

proptest! {
    #![proptest_config(crate::a_thousand_cases())]

    #[test]
    fn owner_and_views_of_a_message_channel_keep_their_promises(
        steps in prop::collection::vec(step(), 0..300),
    ) {
        play(&steps);
    }
}
