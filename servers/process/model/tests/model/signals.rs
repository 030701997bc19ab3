//! kill: selection, permission, default actions.

use super::script::check;
use expect_test::expect;

/// Default actions: end, nothing, refused.
#[test]
fn default_actions() {
    check(
        "
        init fork a
        init kill a 20
        init kill a 19
        init kill a 17
        init kill a 18
        init kill a 129
        init kill a 0
        init kill a 128
        init kill a 9
        init kill 99 0
        init kill 99 200
        init kill 0 0
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            init kill a 20
              init kill: 0
            init kill a 19
              init kill: 0
            init kill a 17
              init kill: EOPNOTSUPP
            init kill a 18
              init kill: EOPNOTSUPP
            init kill a 129
              init kill: EINVAL
            init kill a 0
              init kill: 0
            init kill a 128
              kill a 128
              init kill: 0
            init kill a 9
              init kill: 0
            init kill 99 0
              init kill: ESRCH
            init kill 99 200
              init kill: EINVAL
            init kill 0 0
              init kill: 0
        "#]],
    );
}

/// Init is not ended by a default action.
#[test]
fn init_is_spared() {
    check(
        "
        init fork a
        a kill 1 9
        a kill own 15
        init kill any 15
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a kill 1 9
              a kill: 0
            a kill own 15
              kill a 15
              a kill: 0
            init kill any 15
              init kill: 0
        "#]],
    );
}

/// Rules 43 to 45, 86, subtle 4: a signal to a group reaches every member, the child just made
/// among them; a fork that was queued behind it has no effect.
#[test]
fn subtle_4_a_group_signal_misses_nobody() {
    check(
        "
        init fork a
        a setpgid own own
        a fork b
        b fork c
        b kill own 9
        a fork d
        c fork e
        killed b 9
        killed a 9
        killed c 9
        init kill -a 9
        init wait any
        init wait any
        init wait any
        init kill -a 9
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a setpgid own own
              a setpgid: 0
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b fork c
              clone c pid 4 copy
              b fork: 4, then start c
            b kill own 9
              kill a 9
              kill b 9
              kill c 9
              b kill: 0
            a fork d
              a fork: ESRCH
            c fork e
              c fork: ESRCH
            killed b 9
            killed a 9
            killed c 9
            init kill -a 9
              init kill: 0
            init wait any
              forget b
              init wait: 3 status 0x0009
            init wait any
              forget c
              init wait: 4 status 0x0009
            init wait any
              forget a
              init wait: 2 status 0x0009
            init kill -a 9
              init kill: ESRCH
        "#]],
    );
}

/// Permission: the superuser, or the same real user; of several, success if one was reached.
#[test]
fn permission() {
    check(
        "
        init fork a
        a user 7
        init fork b
        b user 8
        a fork c
        a kill b 15
        a kill b 0
        a kill c 0
        a kill 1 0
        a kill own 0
        b kill any 15
        a kill any 15
        b user 8
        b user 7
        b user
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a user 7
              a user: 0
            init fork b
              clone b pid 3 copy
              init fork: 3, then start b
            b user 8
              b user: 0
            a fork c
              clone c pid 4 copy
              a fork: 4, then start c
            a kill b 15
              a kill: EPERM
            a kill b 0
              a kill: EPERM
            a kill c 0
              a kill: 0
            a kill 1 0
              a kill: EPERM
            a kill own 0
              a kill: 0
            b kill any 15
              b kill: EPERM
            a kill any 15
              kill c 15
              a kill: 0
            b user 8
              b user: 0
            b user 7
              b user: EPERM
            b user
              b user: 8
        "#]],
    );
}

/// A process is killed once, and by the first signal.
#[test]
fn a_second_signal_changes_nothing() {
    check(
        "
        init fork a
        init kill a 15
        init kill a 9
        killed a 15
        killed a 9
        exit a 1
        init wait a
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            init kill a 15
              kill a 15
              init kill: 0
            init kill a 9
              init kill: 0
            killed a 15
            killed a 9
            exit a 1
            init wait a
              forget a
              init wait: 2 status 0x000f
        "#]],
    );
}

/// Switching off is the superuser's.
#[test]
fn power_off() {
    check(
        "
        init fork a
        a user 7
        a poweroff
        init poweroff
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a user 7
              a user: 0
            a poweroff
              a poweroff: EPERM
            init poweroff
              power off for init poweroff
        "#]],
    );
}
