//! Messages under random histories, against a naive model.
//!
//! Five programs, each with a port, an Event bound to it and identities on the ports of others, do
//! anything to each other: call, receive, reply, send, close, mint, kill (`step`). The model says what
//! each program gets, in which order, with which rights, and who waits (`model`). After each step the
//! kernel must agree and all invariants hold (`bed`).

use proptest::prelude::*;
use tine_abi::Call;

use crate::ipc_random::{
    bed::Both,
    model::{EXITS, Entry, PEERS},
    step::{Step, step},
};

mod ipc_random {
    pub(crate) mod bed;
    pub(crate) mod model;
    pub(crate) mod step;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn programs_get_what_the_model_says(steps in proptest::collection::vec(step(), 1..80)) {
        let mut both = Both::new();
        for step in &steps {
            both.perform(step);
            both.compare();
        }
        // In the end everything goes.
        for who in (0..PEERS).rev() {
            both.perform(&Step::Kill { who });
            both.compare();
        }
        // The root server is told of all ends, in their order.
        let exits: Vec<u64> = both.model.ports[PEERS]
            .fifo
            .iter()
            .map(|entry| match entry {
                Entry::Exit(peer) => EXITS + *peer as u64,
                _ => 0,
            })
            .collect();
        for badge in exits {
            both.system.receive(both.system.root, both.supervisor).result().expect("an end");
            prop_assert_eq!(both.system.registers(both.system.root).r15, badge);
        }
        both.system.call(both.system.root, Call::CapClose, both.supervisor, &[]).value();
        let left = both.system.with(|state| {
            (state.ports.len(), state.grants.len(), state.events.len())
        });
        prop_assert_eq!(left, (0, 0, 0));
    }
}
