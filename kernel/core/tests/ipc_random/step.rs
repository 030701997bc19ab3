//! What programs do next, at random.

use proptest::prelude::*;
use tine_abi::{capability::Rights, message::SendMode};

use super::model::{PEERS, SLOTS, Send};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Call { who: usize, slot: u16, word: u64, sends: Vec<Send>, receive: u8 },
    Receive { who: usize, slot: u16 },
    Reply { who: usize, slot: u16, which: usize, word: u64, sends: Vec<Send>, how: u8, wait: bool },
    Close { who: usize, slot: u16 },
    Duplicate { who: usize, slot: u16, rights: Rights },
    Signal { who: usize, slot: u16, bit: u8 },
    Kill { who: usize },
}

fn rights() -> impl Strategy<Value = Rights> {
    prop_oneof![
        3 => Just(Rights::ALL),
        1 => any::<u32>().prop_map(|bits| Rights::from_bits_truncate(bits | 1 << 3)),
    ]
}

fn sends() -> impl Strategy<Value = Vec<Send>> {
    let mode = prop_oneof![Just(SendMode::Copy), Just(SendMode::Move), Just(SendMode::Mint)];
    let send = (0..SLOTS, mode, rights(), 0u64..50).prop_map(|(slot, mode, rights, badge)| Send {
        slot,
        mode,
        rights,
        badge,
    });
    prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(send, 1..4)]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEERS;
    prop_oneof![
        6 => (who.clone(), 0..SLOTS, any::<u64>(), sends(), 0u8..3)
            .prop_map(|(who, slot, word, sends, receive)| Step::Call { who, slot, word, sends, receive }),
        6 => (who.clone(), 0..2u16).prop_map(|(who, slot)| Step::Receive { who, slot: slot * 5 }),
        8 => (who.clone(), any::<usize>(), any::<u64>(), sends(), 0u8..8, any::<bool>())
            .prop_map(|(who, which, word, sends, how, wait)| Step::Reply {
                who, slot: 0, which, word, sends, how, wait,
            }),
        2 => (who.clone(), 0..SLOTS).prop_map(|(who, slot)| Step::Close { who, slot }),
        2 => (who.clone(), 0..SLOTS, rights())
            .prop_map(|(who, slot, rights)| Step::Duplicate { who, slot, rights }),
        1 => (who.clone(), 0..SLOTS, 0u8..64).prop_map(|(who, slot, bit)| Step::Signal { who, slot, bit }),
        1 => (1..PEERS).prop_map(|who| Step::Kill { who }),
    ]
}
