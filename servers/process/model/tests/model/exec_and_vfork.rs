//! vfork's wait and exec.

use super::script::{check, check_with};
use expect_test::expect;
use tine_process_model::Config;

/// Rule 122, subtle 13: exec lets the parent go on once the new program is in place, a failed one
/// does not.
#[test]
fn rule_122_exec_success_releases_the_parent() {
    check(
        "
        init vfork a
        list
        a exec /bin/missing !refused
        a exec /bin/true
        list
        exit a 3
        init wait a
    ",
        &expect![[r#"
            init vfork a
              clone a pid 2 share
              start a
            list
              1 init parent 0 group 1 session 1 VforkWait
              2 init parent 1 group 1 session 1 Running
            a exec /bin/missing !refused
              exec a
              a exec: ENOEXEC
            a exec /bin/true
              exec a
              a exec: 0
              init vfork: 2
            list
              1 init parent 0 group 1 session 1 Running
              2 true parent 1 group 1 session 1 Running
            exit a 3
            init wait a
              forget a
              init wait: 2 status 0x0300
        "#]],
    );
}

/// Subtle 13: exit, a signal and a fault let it go on; EXIT says the memory is released.
#[test]
fn subtle_13_every_end_of_the_child_releases_the_parent() {
    check(
        "
        init fork p
        p vfork a
        exit a 0
        p vfork b
        init kill b 9
        killed b 9
        p vfork c
        fault c 1
        p wait c
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p vfork a
              clone a pid 3 share
              start a
            exit a 0
              p vfork: 3
            p vfork b
              clone b pid 4 share
              start b
            init kill b 9
              kill b 9
              init kill: 0
            killed b 9
              p vfork: 4
            p vfork c
              clone c pid 5 share
              start c
            fault c 1
              p vfork: 5
            p wait c
              forget c
              p wait: 5 status 0x000b
        "#]],
    );
}

/// Subtle 14: the wait ends though the child is reaped at once, and a later process with the same
/// number is not waited for.
#[test]
fn subtle_14_the_wait_is_for_one_generation() {
    check_with(
        Config { pid_max: Some(6), ..Config::DEFAULT },
        "
        init fork p
        p ignore 20
        p vfork a
        p vfork b
        init wait any
        exit a 5
        p fork c
        p vfork d
        a exec /bin/false
        b exec /bin/true
        d exec /bin/true
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p ignore 20
              p ignore: 0
            p vfork a
              clone a pid 3 share
              start a
            p vfork b
              clone b pid 4 share
              start b
            init wait any
            exit a 5
              p vfork: 3
              forget a
              init wait: 3 status 0x0500
            p fork c
              clone c pid 5 copy
              p fork: 5, then start c
            p vfork d
              clone d pid 3 share
              start d
            a exec /bin/false
              a exec: ESRCH
            b exec /bin/true
              exec b
              b exec: 0
              p vfork: 4
            d exec /bin/true
              exec d
              d exec: 0
              p vfork: 3
        "#]],
    );
}

/// Subtle 15 (c), 2.10: a signal does not end the wait; it takes effect after it.
#[test]
fn subtle_15_a_waiting_parent_is_killed_when_the_wait_is_over() {
    check(
        "
        init fork p
        p vfork a
        init kill p 15
        init kill p 9
        list
        a exec /bin/true
        killed p 9
        init wait p
        list
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p vfork a
              clone a pid 3 share
              start a
            init kill p 15
              init kill: 0
            init kill p 9
              init kill: 0
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 VforkWait
              3 init parent 2 group 1 session 1 Running
            a exec /bin/true
              exec a
              a exec: 0
              kill p 9
            killed p 9
            init wait p
              forget p
              init wait: 2 status 0x0009
            list
              1 init parent 0 group 1 session 1 Running
              3 true parent 1 group 1 session 1 Running
        "#]],
    );
}

/// Subtle 15 (d): the parent may end by itself; the child goes on and is handed to the reaper.
#[test]
fn subtle_15_a_parent_that_ends_is_not_answered() {
    check(
        "
        init fork p
        p vfork a
        exit p 1
        a getppid
        a exec /bin/true
        exit a 0
        init wait a
        init wait p
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p vfork a
              clone a pid 3 share
              start a
            exit p 1
            a getppid
              a getppid: 1
            a exec /bin/true
              exec a
              a exec: 0
            exit a 0
            init wait a
              forget a
              init wait: 3 status 0x0000
            init wait p
              forget p
              init wait: 2 status 0x0100
        "#]],
    );
}

/// After the point of no return there is only SIGABRT; the vfork parent goes on at the end.
#[test]
fn an_exec_that_loses_the_old_program_ends_the_process() {
    check(
        "
        init vfork a
        a exec /bin/big !lost
        killed a 6
        init wait a
        init fork b
        b exec /bin/true !gone
        killed b 9
    ",
        &expect![[r#"
            init vfork a
              clone a pid 2 share
              start a
            a exec /bin/big !lost
              exec a
              log ExecLost user 0 pid Some(2)
              kill a 6
            killed a 6
              init vfork: 2
            init wait a
              forget a
              init wait: 2 status 0x0006
            init fork b
              clone b pid 3 copy
              init fork: 3, then start b
            b exec /bin/true !gone
              exec b
            killed b 9
        "#]],
    );
}

/// Rules 65, 67: what is ignored stays so in children and programs.
#[test]
fn rule_65_ignored_signals_are_inherited() {
    check(
        "
        init fork a
        a ignore 15
        a fork b
        b exec /bin/true
        init kill b 15
        b default 15
        init kill b 15
        a ignore 9
        a ignore 17
        a ignore 0
        a ignore 129
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a ignore 15
              a ignore: 0
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b exec /bin/true
              exec b
              b exec: 0
            init kill b 15
              init kill: 0
            b default 15
              b default: 0
            init kill b 15
              kill b 15
              init kill: 0
            a ignore 9
              a ignore: EINVAL
            a ignore 17
              a ignore: EINVAL
            a ignore 0
              a ignore: EINVAL
            a ignore 129
              a ignore: EINVAL
        "#]],
    );
}
