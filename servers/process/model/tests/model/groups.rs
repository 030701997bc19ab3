//! Groups, sessions, the console.

use super::script::{check, check_with};
use expect_test::expect;
use tine_process_model::Config;

/// setpgid: who may move whom where.
#[test]
fn setpgid_order_of_checks() {
    check(
        "
        init fork a
        a fork b
        init fork c
        a setpgid own -1
        a setpgid 99 own
        a setpgid c own
        a setpgid b b
        a setpgid own b
        a setpgid own 99
        a setpgid own own
        b setpgid own a
        list
        b exec /bin/true
        a setpgid b b
        b setpgid own b
        c setsid
        c setpgid own own
        init setpgid c c
        c setpgid own a
        exit b 0
        a setpgid b b
        a getpgid b
        a getpgid own
        a getpgid c
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            init fork c
              clone c pid 4 copy
              init fork: 4, then start c
            a setpgid own -1
              a setpgid: EINVAL
            a setpgid 99 own
              a setpgid: ESRCH
            a setpgid c own
              a setpgid: ESRCH
            a setpgid b b
              a setpgid: 0
            a setpgid own b
              a setpgid: 0
            a setpgid own 99
              a setpgid: EPERM
            a setpgid own own
              a setpgid: 0
            b setpgid own a
              b setpgid: 0
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 2 session 1 Running
              3 init parent 2 group 2 session 1 Running
              4 init parent 1 group 1 session 1 Running
            b exec /bin/true
              exec b
              b exec: 0
            a setpgid b b
              a setpgid: EACCES
            b setpgid own b
              b setpgid: 0
            c setsid
              c setsid: 4
            c setpgid own own
              c setpgid: EPERM
            init setpgid c c
              init setpgid: EPERM
            c setpgid own a
              c setpgid: EPERM
            exit b 0
            a setpgid b b
              a setpgid: ESRCH
            a getpgid b
              a getpgid: ESRCH
            a getpgid own
              a getpgid: 2
            a getpgid c
              a getpgid: 4
        "#]],
    );
}

/// setsid: not for who leads a group, or whose number a group still has.
#[test]
fn setsid_needs_a_free_number() {
    check(
        "
        init setsid
        init fork a
        a setsid
        a setsid
        a fork b
        b getsid own
        b setsid
        init fork c
        c setpgid own own
        c fork d
        c setpgid own 1
        c setsid
        list
        c getsid b
        c getsid 99
    ",
        &expect![[r#"
            init setsid
              init setsid: EPERM
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a setsid
              a setsid: 2
            a setsid
              a setsid: EPERM
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b getsid own
              b getsid: 2
            b setsid
              b setsid: 3
            init fork c
              clone c pid 4 copy
              init fork: 4, then start c
            c setpgid own own
              c setpgid: 0
            c fork d
              clone d pid 5 copy
              c fork: 5, then start d
            c setpgid own 1
              c setpgid: 0
            c setsid
              c setsid: EPERM
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 2 session 2 Running
              3 init parent 2 group 3 session 3 Running
              4 init parent 1 group 1 session 1 Running
              5 init parent 4 group 4 session 1 Running
            c getsid b
              c getsid: 3
            c getsid 99
              c getsid: ESRCH
        "#]],
    );
}

/// Rule 56, subtle 5: a number lives as long as a group or session has it.
#[test]
fn subtle_5_group_and_session_keep_a_number() {
    check_with(
        Config { pid_max: Some(7), failure_delay_ns: Some(0), ..Config::DEFAULT },
        "
        init fork a
        a setsid
        a fork b
        exit a 0
        init wait a
        b fork c
        c setpgid own own
        exit b 0
        init wait b
        list
        init fork d
        init fork e
        init fork f
        exit c 0
        init wait c
        init fork f
        list
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a setsid
              a setsid: 2
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            exit a 0
            init wait a
              forget a
              init wait: 2 status 0x0000
            b fork c
              clone c pid 4 copy
              b fork: 4, then start c
            c setpgid own own
              c setpgid: 0
            exit b 0
            init wait b
              forget b
              init wait: 3 status 0x0000
            list
              1 init parent 0 group 1 session 1 Running
              4 init parent 1 group 4 session 2 Running
            init fork d
              clone d pid 5 copy
              init fork: 5, then start d
            init fork e
              clone e pid 6 copy
              init fork: 6, then start e
            init fork f
              clone f pid 3 copy
              init fork: 3, then start f
            exit c 0
            init wait c
              forget c
              init wait: 4 status 0x0000
            init fork f
              clone f pid 4 copy
              init fork: 4, then start f
            list
              1 init parent 0 group 1 session 1 Running
              3 init parent 1 group 1 session 1 Running
              4 init parent 1 group 1 session 1 Running
              5 init parent 1 group 1 session 1 Running
              6 init parent 1 group 1 session 1 Running
        "#]],
    );
}

/// The interrupt key reaches the foreground group, whoever that is.
#[test]
fn interrupt_reaches_the_foreground_group() {
    check(
        "
        init foreground
        init fork shell
        shell setpgid own own
        init foreground shell
        shell fork job
        job setpgid own own
        job fork part
        shell foreground job
        console 2
        console 17
        console 129
        killed job 2
        killed part 2
        shell wait job
        shell foreground
        init wait part
        shell foreground
        console 2
        shell foreground shell
        shell ignore 2
        console 2
    ",
        &expect![[r#"
            init foreground
              init foreground: 1
            init fork shell
              clone shell pid 2 copy
              init fork: 2, then start shell
            shell setpgid own own
              shell setpgid: 0
            init foreground shell
              init foreground: 0
            shell fork job
              clone job pid 3 copy
              shell fork: 3, then start job
            job setpgid own own
              job setpgid: 0
            job fork part
              clone part pid 4 copy
              job fork: 4, then start part
            shell foreground job
              shell foreground: 0
            console 2
              kill job 2
              kill part 2
              console: 2
            console 17
              console: EOPNOTSUPP
            console 129
              console: EINVAL
            killed job 2
            killed part 2
            shell wait job
              forget job
              shell wait: 3 status 0x0002
            shell foreground
              shell foreground: 3
            init wait part
              forget part
              init wait: 4 status 0x0002
            shell foreground
              shell foreground: 2147483647
            console 2
              console: 0
            shell foreground shell
              shell foreground: 0
            shell ignore 2
              shell ignore: 0
            console 2
              console: 1
        "#]],
    );
}

/// tcsetpgrp and tcgetpgrp: who may.
#[test]
fn foreground_order_of_checks() {
    check(
        "
        init fork a
        a setsid
        a foreground
        a foreground a
        a acquire
        init foreground 0
        init foreground -5
        init foreground 99
        init foreground a
        init fork b
        b acquire
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a setsid
              a setsid: 2
            a foreground
              a foreground: ENOTTY
            a foreground a
              a foreground: ENOTTY
            a acquire
              a acquire: EPERM
            init foreground 0
              init foreground: EINVAL
            init foreground -5
              init foreground: EINVAL
            init foreground 99
              init foreground: EPERM
            init foreground a
              init foreground: EPERM
            init fork b
              clone b pid 3 copy
              init fork: 3, then start b
            b acquire
              b acquire: EPERM
        "#]],
    );
}

/// 2.3: when a session's leader ends, its terminal is free and the foreground group hears SIGHUP.
#[test]
fn rule_2_3_a_leader_that_ends_frees_the_terminal() {
    check(
        "
        init fork a
        a setsid
        exit init 0
        a acquire
        a foreground
        a fork b
        b setpgid own own
        a foreground b
        exit a 0
        killed b 1
        list
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a setsid
              a setsid: 2
            exit init 0
              init ended: Exited(0)
            a acquire
              a acquire: 0
            a foreground
              a foreground: 2
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b setpgid own own
              b setpgid: 0
            a foreground b
              a foreground: 0
            exit a 0
              kill b 1
            killed b 1
            list
              1 init parent 0 group 1 session 1 Zombie
              2 init parent 1 group 2 session 2 Zombie
              3 init parent 1 group 3 session 2 Zombie
        "#]],
    );
}
