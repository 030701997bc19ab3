//! Limits of the system and of a user; delays and log lines.

use super::script::{check, check_with};
use expect_test::expect;
use tine_process_model::{Config, FREEBSD_2001, FREEBSD_2010, NETBSD_9};

/// Rules 24, 28, 29, 32: the last ten places are the superuser's; the answer comes late, the log
/// line once a second.
#[test]
fn rule_24_the_limit_of_the_system() {
    check(
        "
        init limit system 14
        init fork u
        u user 7
        u fork a
        u fork b
        init fork c
        time 100
        u fork b
        time 499999900
        timer
        time 100
        timer
        time 500000000
        u fork b
        exit a 0
        u wait a
        u fork b
        last
    ",
        &expect![[r#"
            init limit system 14
              init limit: 0 used 0
            init fork u
              clone u pid 2 copy
              init fork: 2, then start u
            u user 7
              u user: 0
            u fork a
              clone a pid 3 copy
              u fork: 3, then start a
            u fork b
              log TableFull user 7 pid Some(2)
              timer at 500000001
            init fork c
              clone c pid 4 copy
              init fork: 4, then start c
            time 100
            u fork b
            time 499999900
            timer
              u fork: EAGAIN
              timer at 500000101
            time 100
            timer
              u fork: EAGAIN
            time 500000000
            u fork b
              log TableFull user 7 pid Some(2)
              timer at 1500000101
            exit a 0
            u wait a
              forget a
              u wait: 3 status 0x0000
            u fork b
            last
              4
        "#]],
    );
}

/// Rule 34, 2.2/11, subtle 10: zombies count; the superuser does not; 0 is no limit.
#[test]
fn rule_34_the_limit_of_a_user() {
    check(
        "
        init fork u
        u limit user 2
        u user 7
        u fork a
        u fork b
        exit a 0
        u fork b
        u wait a
        u fork b
        init limit user 1
        init fork c
        u limit user 0
        u fork d
        u limit user
        u limit system
    ",
        &expect![[r#"
            init fork u
              clone u pid 2 copy
              init fork: 2, then start u
            u limit user 2
              u limit: 0 used 0
            u user 7
              u user: 0
            u fork a
              clone a pid 3 copy
              u fork: 3, then start a
            u fork b
              clone b pid 4 copy
              abandon b
              timer at 500000001
            exit a 0
            u fork b
              clone b pid 4 copy
              abandon b
            u wait a
              forget a
              u wait: 3 status 0x0000
            u fork b
              clone b pid 4 copy
              u fork: 4, then start b
            init limit user 1
              init limit: 0 used 0
            init fork c
              clone c pid 5 copy
              init fork: 5, then start c
            u limit user 0
              u limit: 0 used 0
            u fork d
              clone d pid 6 copy
              u fork: 6, then start d
            u limit user
              u limit: 0 used 3
            u limit system
              u limit: 4096 used 5
        "#]],
    );
}

/// Rule 40, subtle 9: which errno wins.
#[test]
fn subtle_9_order_of_errors() {
    check(
        "
        init fork u
        u limit user 1
        u user 7
        u pdfork a noslot
        u pdfork a !memory
        u pdfork a
        init limit system 2
        u pdfork a noslot
        u pdfork a flags=64 noslot
    ",
        &expect![[r#"
            init fork u
              clone u pid 2 copy
              init fork: 2, then start u
            u limit user 1
              u limit: 0 used 0
            u user 7
              u user: 0
            u pdfork a noslot
              u pdfork: EMFILE
            u pdfork a !memory
              clone a pid 3 copy
              timer at 500000001
            u pdfork a
              clone a pid 3 copy
              abandon a
            init limit system 2
              init limit: 0 used 0
            u pdfork a noslot
              log TableFull user 7 pid Some(2)
            u pdfork a flags=64 noslot
              u pdfork: EINVAL
        "#]],
    );
}

/// Rule 32: a caller that ends does not hear of its failure; its delay is forgotten.
#[test]
fn rule_32_a_delay_ends_with_its_caller() {
    check(
        "
        init fork u
        init fork v
        init limit system 2
        u fork a
        time 10
        v fork a
        killed u 9
        timer
        time 500000000
        timer
        timer
    ",
        &expect![[r#"
            init fork u
              clone u pid 2 copy
              init fork: 2, then start u
            init fork v
              clone v pid 3 copy
              init fork: 3, then start v
            init limit system 2
              init limit: 0 used 0
            u fork a
              log TableFull user 0 pid Some(2)
              timer at 500000001
            time 10
            v fork a
            killed u 9
            timer
              timer at 500000011
            time 500000000
            timer
              v fork: EAGAIN
            timer
        "#]],
    );
}

/// Rules 25, 30: FreeBSD of 2010 tells no pid, and logs the user's limit too.
#[test]
fn rule_30_freebsd_2010_logs_both_refusals() {
    let config = Config { profile: &FREEBSD_2010, maxproc: 4, ..Config::DEFAULT };
    check_with(
        config,
        "
        init fork a
        init fork b
        init fork c
        init fork d
        time 1000000000
        a limit user 1
        a user 7
        init limit system 40
        a fork e
        a pdfork e
        a reaper on
        a limit system
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
            init fork d
              log TableFull user 0 pid None
              timer at 500000001
            time 1000000000
            a limit user 1
              a limit: 0 used 0
            a user 7
              a user: 0
            init limit system 40
              init limit: 0 used 0
            a fork e
              clone e pid 5 copy
              log UserLimit user 7 pid None
              abandon e
            a pdfork e
              a pdfork: ENOSYS
            a reaper on
              a reaper: ENOSYS
            a limit system
              a limit: 40 used 4
        "#]],
    );
}

/// Rules 26, 31: FreeBSD of 2001 keeps one place back and logs every time, at once.
#[test]
fn rule_26_freebsd_2001() {
    let config = Config { profile: &FREEBSD_2001, maxproc: 4, ..Config::DEFAULT };
    check_with(
        config,
        "
        init fork a
        a user 7
        a fork b
        a fork c
        a fork c
        init fork c
        init fork d
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a user 7
              a user: 0
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            a fork c
              log TableFull user 7 pid None
              a fork: EAGAIN
            a fork c
              log TableFull user 7 pid None
              a fork: EAGAIN
            init fork c
              clone c pid 4 copy
              init fork: 4, then start c
            init fork d
              log TableFull user 0 pid None
              init fork: EAGAIN
        "#]],
    );
}

/// Rules 27, 31, 36, 102: NetBSD 9.
#[test]
fn rule_27_netbsd_9() {
    let config = Config { profile: &NETBSD_9, maxproc: 9, ..Config::DEFAULT };
    check_with(
        config,
        "
        init fork a
        a limit user 0
        a user 7
        init fork b
        a fork c
        time 9999999999
        init fork d
        a fork c
        time 1
        a fork c
        b limit user 0
        b user 8
        init limit system 99
        b fork e
        init vfork f
        f exec /bin/true
        stats
        init kill b 32
        init kill b 64
        init wait b options=64
        init wait b options=128
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a limit user 0
              a limit: 0 used 0
            a user 7
              a user: 0
            init fork b
              clone b pid 3 copy
              init fork: 3, then start b
            a fork c
              log TableFull user 7 pid None
              a fork: EAGAIN
            time 9999999999
            init fork d
              clone d pid 4 copy
              init fork: 4, then start d
            a fork c
              a fork: EAGAIN
            time 1
            a fork c
              log TableFull user 7 pid None
              a fork: EAGAIN
            b limit user 0
              b limit: 0 used 0
            b user 8
              b user: 0
            init limit system 99
              init limit: 0 used 0
            b fork e
              clone e pid 5 copy
              abandon e
              b fork: EAGAIN
            init vfork f
              clone f pid 5 share
              start f
            f exec /bin/true
              exec f
              f exec: 0
              init vfork: 5
            stats
              Statistics { forks: 4, vforks: 1, rforks: 0, shared_memory: 1 }
            init kill b 32
              init kill: 0
            init kill b 64
              init kill: EINVAL
            init wait b options=64
            init wait b options=128
              init wait: EINVAL
        "#]],
    );
}
