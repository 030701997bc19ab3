//! Tests of the process model: text scenarios with exact traces, and properties.
//!
//! Each scenario is a script; its trace repeats each line and shows the effects below it. Every
//! step is followed by the check of all invariants. Rule numbers are those of the semantics
//! reference, "subtle n" those of its forty subtlest.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod model {
    mod agreement;
    mod descriptors;
    mod exec_and_vfork;
    mod failures;
    mod forks;
    mod groups;
    mod hostile;
    mod limits;
    mod profiles;
    mod queries;
    mod reapers;
    mod reference;
    mod script;
    mod signals;
    mod tracing;
    mod waits;
}
