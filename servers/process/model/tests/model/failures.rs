//! Forks that fail: nothing is left behind (rule 41, subtle 6).

use super::script::{Bed, check};
use expect_test::expect;
use tine_process_model::Config;

/// A failure at each stage that a script can bring about; then a fork gets what it would have got.
#[test]
fn rule_41_a_failed_fork_leaves_nothing_behind() {
    let stages = [
        "u fork x flags=77",
        "u pdfork x flags=3",
        "init limit system 3\nu fork x\ninit limit system 4096",
        "u pdfork x noslot",
        "u fork x !memory",
        "u fork x !slots",
        "u fork x !gone",
        "u vfork x !memory",
        "u vfork x !gone",
        "u pdfork x !memory",
        "u pdfork x !gone",
        "u limit user 1\nu user 7\nu pdfork x",
        "u limit user 1\nu user 7\nu vfork x",
    ];
    for stage in stages {
        let mut bed = Bed::new(Config::DEFAULT);
        bed.run("init fork u\ninit fork t");
        let before = (bed.records(), bed.model.last_pid(), bed.model.statistics());
        bed.run(stage);
        let mut after = (bed.records(), bed.model.last_pid(), bed.model.statistics());
        if stage.contains("user 7") {
            after.0[1].user = 0;
        }
        assert_eq!(after, before, "{stage}");
        assert!(bed.descriptors().is_empty(), "{stage}");
        bed.run("t fork y");
        assert_eq!(bed.records()[3].pid, 4, "{stage}");
    }
}

/// Rule 41: a failure after the kernel has cloned destroys the clone; its EXIT names nobody.
#[test]
fn rule_41_an_abandoned_child_is_nobody() {
    check(
        "
        init fork u
        u limit user 1
        u user 7
        u fork x
        exit x 0
        init wait any nohang
        x getpid
        killed u 9
        init wait any
        init wait any
    ",
        &expect![[r#"
            init fork u
              clone u pid 2 copy
              init fork: 2, then start u
            u limit user 1
              u limit: 0 used 0
            u user 7
              u user: 0
            u fork x
              clone x pid 3 copy
              abandon x
              timer at 500000001
            exit x 0
            init wait any nohang
              init wait: 0
            x getpid
              x getpid: ESRCH
            killed u 9
            init wait any
              forget u
              init wait: 2 status 0x0009
            init wait any
              init wait: ECHILD
        "#]],
    );
}

/// CALLER_GONE: nobody is answered, the caller's EXIT follows.
#[test]
fn a_caller_that_is_gone_is_not_answered() {
    check(
        "
        init fork u
        u fork x !gone
        u fork y !slots
        killed u 9
        timer
        init wait any
    ",
        &expect![[r#"
            init fork u
              clone u pid 2 copy
              init fork: 2, then start u
            u fork x !gone
              clone x pid 3 copy
            u fork y !slots
              clone y pid 3 copy
              timer at 500000001
            killed u 9
            timer
            init wait any
              forget u
              init wait: 2 status 0x0009
        "#]],
    );
}
