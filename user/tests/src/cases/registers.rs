//! Registers: kept by system calls, by other threads' turns, by forks.

use tine::sys::trial::{ExtendedState, keeps_registers};

use super::{Case, case};
use crate::process::{child, exits};
use crate::verdict::{Verdict, check};

pub(super) const CASES: &[Case] = &[
    case("registers.general", general),
    case("registers.extended", extended),
    case("registers.extended-fork", extended_fork),
];

/// Turns of two processes that disturb each other.
const TURNS: u32 = 200;

fn general() -> Verdict {
    let other = child(|| {
        check(keeps_registers(TURNS), "the child keeps its registers")?;
        Ok(0)
    })?;
    check(keeps_registers(TURNS), "the parent keeps its registers")?;
    exits(other, 0)
}

/// Fills the extended registers, lets others run, and looks.
fn survive(seed: u64) -> Verdict {
    let state = ExtendedState::fill(seed);
    for turn in 0..TURNS {
        tine::sys::domain::yield_now();
        check(state.is_kept(), format_args!("extended registers in turn {turn}"))?;
    }
    Ok(())
}

fn extended() -> Verdict {
    let others = [child(|| survive(1 << 40).map(|()| 0))?, child(|| survive(1 << 50).map(|()| 0))?];
    survive(7)?;
    for other in others {
        exits(other, 0)?;
    }
    Ok(())
}

fn extended_fork() -> Verdict {
    let state = ExtendedState::fill(77);
    let pid = child(|| {
        check(state.is_kept(), "the child has its parent's extended registers")?;
        survive(1 << 33)?;
        Ok(0)
    })?;
    check(state.is_kept(), "the parent keeps its extended registers")?;
    exits(pid, 0)?;
    check(state.is_kept(), "also after the child's end")
}
