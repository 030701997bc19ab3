//! wait4: selectors, visibility, parking.

use super::script::check;
use expect_test::expect;

/// 2.2/2, 2.2/4: the newest zombie first; each is told once.
#[test]
fn rule_2_2_2_the_newest_zombie_is_told_first() {
    check(
        "
        init fork a
        init fork b
        init fork c
        exit a 1
        exit b 2
        init wait any
        init wait any
        init wait any nohang
        init wait any
        exit c 3
        init wait any
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            init fork b
              clone b pid 3 copy
              init fork: 3, then start b
            init fork c
              clone c pid 4 copy
              init fork: 4, then start c
            exit a 1
            exit b 2
            init wait any
              forget b
              init wait: 3 status 0x0200
            init wait any
              forget a
              init wait: 2 status 0x0100
            init wait any nohang
              init wait: 0
            init wait any
            exit c 3
              forget c
              init wait: 4 status 0x0300
            init wait any
              init wait: ECHILD
        "#]],
    );
}

/// 2.2/7, 2.2/8: options, WNOHANG, WNOWAIT, the status.
#[test]
fn rule_2_2_7_status_and_options() {
    check(
        "
        init fork a
        init fork b
        init wait a nohang
        exit a 511
        killed b 9
        init wait a keep
        init wait a
        init wait a
        init wait b options=64
        init wait b options=55
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            init fork b
              clone b pid 3 copy
              init fork: 3, then start b
            init wait a nohang
              init wait: 0
            exit a 511
            killed b 9
            init wait a keep
              init wait: 2 status 0xff00
            init wait a
              forget a
              init wait: 2 status 0xff00
            init wait a
              init wait: ECHILD
            init wait b options=64
              init wait: EINVAL
            init wait b options=55
              forget b
              init wait: 3 status 0x0009
        "#]],
    );
}

/// 2.2/1: all forms of the pid.
#[test]
fn rule_2_2_1_selectors() {
    check(
        "
        init fork p
        p setpgid own own
        p fork a
        p fork b
        p fork c
        b setpgid own own
        c setpgid own b
        p wait own
        p wait -b
        p wait c
        p wait any
        exit b 2
        exit a 1
        exit c 3
        p wait 1
        p wait -7
        p wait any
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p setpgid own own
              p setpgid: 0
            p fork a
              clone a pid 3 copy
              p fork: 3, then start a
            p fork b
              clone b pid 4 copy
              p fork: 4, then start b
            p fork c
              clone c pid 5 copy
              p fork: 5, then start c
            b setpgid own own
              b setpgid: 0
            c setpgid own b
              c setpgid: 0
            p wait own
            p wait -b
            p wait c
            p wait any
            exit b 2
              forget b
              p wait: 4 status 0x0200
            exit a 1
              forget a
              p wait: 3 status 0x0100
            exit c 3
              forget c
              p wait: 5 status 0x0300
              p wait: ECHILD
            p wait 1
              p wait: ECHILD
            p wait -7
              p wait: ECHILD
            p wait any
              p wait: ECHILD
        "#]],
    );
}

/// 2.2/8, subtle 14: two waits for one child; who comes second hears ECHILD, and none is lost.
#[test]
fn rule_2_2_8_parked_waits_are_settled_in_order() {
    check(
        "
        init fork p
        p fork a
        p wait a
        p wait any
        p wait any
        exit a 4
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork a
              clone a pid 3 copy
              p fork: 3, then start a
            p wait a
            p wait any
            p wait any
            exit a 4
              forget a
              p wait: 3 status 0x0400
              p wait: ECHILD
              p wait: ECHILD
        "#]],
    );
}

/// 2.2/12, rule 14: SIGCHLD ignored means no zombie, and a blocked wait ends with ECHILD.
#[test]
fn rule_2_2_12_a_parent_that_ignores_sigchld() {
    check(
        "
        init fork p
        p ignore 20
        p fork a
        p wait any
        init wait any
        exit a 4
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p ignore 20
              p ignore: 0
            p fork a
              clone a pid 3 copy
              p fork: 3, then start a
            p wait any
            init wait any
            exit a 4
              forget a
              init wait: 3 status 0x0400
              p wait: ECHILD
        "#]],
    );
}

/// 2.2/13, 2.2/3, subtle 36: a zombie can be signalled, without effect.
#[test]
fn rule_2_2_13_kill_on_a_zombie() {
    check(
        "
        init fork a
        exit a 1
        init kill a 9
        init kill a 0
        init wait a
        init kill a 9
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            exit a 1
            init kill a 9
              init kill: 0
            init kill a 0
              init kill: 0
            init wait a
              forget a
              init wait: 2 status 0x0100
            init kill a 9
              init kill: ESRCH
        "#]],
    );
}

/// 2.3: children of the dead go to the reaper, zombies among them, and its wait hears of them.
#[test]
fn rule_2_3_orphans_go_to_init() {
    check(
        "
        init fork p
        p fork a
        p fork b
        exit a 1
        init wait any
        exit p 0
        init wait any
        b getppid
        init wait any
        exit b 2
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork a
              clone a pid 3 copy
              p fork: 3, then start a
            p fork b
              clone b pid 4 copy
              p fork: 4, then start b
            exit a 1
            init wait any
            exit p 0
              forget a
              init wait: 3 status 0x0100
            init wait any
              forget p
              init wait: 2 status 0x0000
            b getppid
              b getppid: 1
            init wait any
            exit b 2
              forget b
              init wait: 4 status 0x0200
        "#]],
    );
}

/// A process that is killed has its calls forgotten; its children go to the reaper.
#[test]
fn a_killed_waiter_takes_no_child() {
    check(
        "
        init fork p
        p fork a
        p wait any
        init kill p 9
        exit a 1
        killed p 9
        p getpid
        init wait any
        init wait any
        p getpid
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork a
              clone a pid 3 copy
              p fork: 3, then start a
            p wait any
            init kill p 9
              kill p 9
              init kill: 0
            exit a 1
            killed p 9
            p getpid
              p getpid: ESRCH
            init wait any
              forget a
              init wait: 3 status 0x0100
            init wait any
              forget p
              init wait: 2 status 0x0009
            p getpid
              p getpid: ESRCH
        "#]],
    );
}

/// Moving between groups can leave a wait without candidates.
#[test]
fn a_wait_for_a_group_that_the_child_leaves() {
    check(
        "
        init fork p
        p setpgid own own
        p fork a
        p wait own
        a setpgid own own
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p setpgid own own
              p setpgid: 0
            p fork a
              clone a pid 3 copy
              p fork: 3, then start a
            p wait own
            a setpgid own own
              a setpgid: 0
              p wait: ECHILD
        "#]],
    );
}
