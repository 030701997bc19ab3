//! Process descriptors: close against exit, visibility, watches, rights.

use super::script::check;
use expect_test::expect;

/// 2.1/12, 2.1/14, subtle 3 (a): the close wins: killed, and the reaper's child.
#[test]
fn rule_2_1_12_last_close_before_exit() {
    check(
        "
        init fork p
        p pdfork a
        close a
        a getppid
        killed a 9
        p wait any
        init wait a
        list
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            close a
              kill a 9
            a getppid
              a getppid: ESRCH
            killed a 9
            p wait any
              p wait: ECHILD
            init wait a
              forget a
              init wait: 3 status 0x0009
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
        "#]],
    );
}

/// 2.1/11, 2.1/14, subtle 3 (b): the exit wins: the close reaps, nobody is told.
#[test]
fn rule_2_1_11_last_close_after_exit() {
    check(
        "
        init fork p
        p pdfork a
        init wait any
        exit a 1
        close a
        list
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            init wait any
            exit a 1
            close a
              forget a
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
        "#]],
    );
}

/// 2.1/10: reaped first; the descriptor stays, pid and all.
#[test]
fn rule_2_1_10_a_descriptor_outlives_the_reap() {
    check(
        "
        init pdfork a
        exit a 1
        init wait a
        a pid
        a pdkill 9 by=init
        a pdkill 0 by=init
        close a
        a pid
    ",
        &expect![[r#"
            init pdfork a
              clone a pid 2 copy
              init pdfork: 2 + descriptor, then start a
            exit a 1
            init wait a
              forget a
              init wait: 2 status 0x0100
            a pid
              a pid: 2
            a pdkill 9 by=init
              a pdkill: ESRCH
            a pdkill 0 by=init
              a pdkill: ESRCH
            close a
            a pid
              a pid: EBADF
        "#]],
    );
}

/// 2.1/16, 2.1/9, subtle 36: hidden from wait for any, which does not block; visible to the others.
#[test]
fn rule_2_1_16_hidden_from_wildcard_waits() {
    check(
        "
        init fork p
        p pdfork a
        p wait any
        p wait any nohang
        p wait own nohang
        p wait a nohang
        p setpgid a a
        p wait -a
        exit a 1
        p wait a
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            p wait any
              p wait: ECHILD
            p wait any nohang
              p wait: ECHILD
            p wait own nohang
              p wait: 0
            p wait a nohang
              p wait: 0
            p setpgid a a
              p setpgid: 0
            p wait -a
            exit a 1
              forget a
              p wait: 3 status 0x0100
            p wait a
              p wait: ECHILD
        "#]],
    );
}

/// 2.1/7, subtle 35: who is told of the end can wait at once; told again after it and after reap.
#[test]
fn subtle_35_hangup_implies_waitable() {
    check(
        "
        init pdfork a
        a watch 1
        a watch 2
        a watch 2
        a unwatch 1
        a unwatch 1
        a watch 3
        exit a 1
        a watch 4
        init wait a nohang
        a watch 5
    ",
        &expect![[r#"
            init pdfork a
              clone a pid 2 copy
              init pdfork: 2 + descriptor, then start a
            a watch 1
              a watch: 0
            a watch 2
              a watch: 0
            a watch 2
              forget watch 2
              a watch: 0
            a unwatch 1
              forget watch 1
              a unwatch: 0
            a unwatch 1
              a unwatch: 0
            a watch 3
              a watch: 0
            exit a 1
              signal watch 3
              signal watch 2
            a watch 4
              signal watch 4
              a watch: 16
            init wait a nohang
              forget a
              init wait: 2 status 0x0100
            a watch 5
              signal watch 5
              a watch: 16
        "#]],
    );
}

/// Subtle 35, poll_close_race: a poller is told of the last close.
#[test]
fn subtle_35_a_poller_is_told_of_the_last_close() {
    check(
        "
        init pdfork a
        a watch 1
        close a
    ",
        &expect![[r#"
            init pdfork a
              clone a pid 2 copy
              init pdfork: 2 + descriptor, then start a
            a watch 1
              a watch: 0
            close a
              signal watch 1
              kill a 9
        "#]],
    );
}

/// 2.1/15, subtle 37: a chain of holders collapses, close by close; a daemon stops it.
#[test]
fn subtle_37_bagpuss() {
    check(
        "
        init pdfork a
        a pdfork b
        b pdfork c daemon
        c pdfork d
        close a
        close b
        killed a 9
        close c
        killed b 9
        c getppid
        d getppid
        init wait any
        init wait any
        exit c 0
        close d
        killed d 9
        init wait any
        init wait any
        init wait any
    ",
        &expect![[r#"
            init pdfork a
              clone a pid 2 copy
              init pdfork: 2 + descriptor, then start a
            a pdfork b
              clone b pid 3 copy
              a pdfork: 3 + descriptor, then start b
            b pdfork c daemon
              clone c pid 4 copy
              b pdfork: 4 + descriptor, then start c
            c pdfork d
              clone d pid 5 copy
              c pdfork: 5 + descriptor, then start d
            close a
              kill a 9
            close b
              kill b 9
            killed a 9
            close c
            killed b 9
            c getppid
              c getppid: 1
            d getppid
              d getppid: 4
            init wait any
              forget b
              init wait: 3 status 0x0009
            init wait any
              forget a
              init wait: 2 status 0x0009
            exit c 0
            close d
              kill d 9
            killed d 9
            init wait any
              forget d
              init wait: 5 status 0x0009
            init wait any
              forget c
              init wait: 4 status 0x0000
            init wait any
              init wait: ECHILD
        "#]],
    );
}

/// 2.1/4: the number first, then the descriptor, then rights, then credentials.
#[test]
fn rule_2_1_4_order_of_checks_of_pdkill() {
    check(
        "
        init fork p
        p pdfork a
        p pdfork b
        a pdkill 129
        a pdkill 17
        rights a pid
        a pdkill 9
        a watch 1
        a pid
        rights a kill
        a pid
        p user 7
        a pdkill 129 by=p
        a pdkill 15 by=p
        a pdkill 0 by=p
        a pdkill 0
        a pdkill 15 by=init
        killed a 15
        a pdkill 15 by=init
        p pid
        b user 7
        b pdkill 15 by=p
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            p pdfork b
              clone b pid 4 copy
              p pdfork: 4 + descriptor, then start b
            a pdkill 129
              a pdkill: EINVAL
            a pdkill 17
              a pdkill: EOPNOTSUPP
            rights a pid
            a pdkill 9
              a pdkill: ENOTCAPABLE
            a watch 1
              forget watch 1
              a watch: ENOTCAPABLE
            a pid
              a pid: 3
            rights a kill
            a pid
              a pid: ENOTCAPABLE
            p user 7
              p user: 0
            a pdkill 129 by=p
              a pdkill: EINVAL
            a pdkill 15 by=p
              a pdkill: EPERM
            a pdkill 0 by=p
              a pdkill: EPERM
            a pdkill 0
              a pdkill: EPERM
            a pdkill 15 by=init
              kill a 15
              a pdkill: 0
            killed a 15
            a pdkill 15 by=init
              a pdkill: 0
            p pid
              p pid: EBADF
            b user 7
              b user: 0
            b pdkill 15 by=p
              kill b 15
              b pdkill: 0
        "#]],
    );
}

/// Subtle 37: the kill of the last close asks for no permission.
#[test]
fn subtle_37_last_close_kills_without_permission() {
    check(
        "
        init fork p
        p pdfork a
        p user 7
        close a
        killed a 9
        init wait a
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            p user 7
              p user: 0
            close a
              kill a 9
            killed a 9
            init wait a
              forget a
              init wait: 3 status 0x0009
        "#]],
    );
}

/// 2.1/12: a blocked wait of the old parent has nothing left.
#[test]
fn rule_2_1_12_a_blocked_wait_ends_with_the_close() {
    check(
        "
        init fork p
        p pdfork a daemon
        p wait a
        close a
        exit a 1
        init wait any
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a daemon
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            p wait a
            close a
              p wait: ECHILD
            exit a 1
            init wait any
              forget a
              init wait: 3 status 0x0100
        "#]],
    );
}

/// A descriptor serves a bounded number of watches.
#[test]
fn watches_are_limited() {
    let watches: String = (0..17).map(|number| format!("a watch {number}\n")).collect();
    check(
        &format!("init pdfork a\n{watches}"),
        &expect![[r#"
        init pdfork a
          clone a pid 2 copy
          init pdfork: 2 + descriptor, then start a
        a watch 0
          a watch: 0
        a watch 1
          a watch: 0
        a watch 2
          a watch: 0
        a watch 3
          a watch: 0
        a watch 4
          a watch: 0
        a watch 5
          a watch: 0
        a watch 6
          a watch: 0
        a watch 7
          a watch: 0
        a watch 8
          a watch: 0
        a watch 9
          a watch: 0
        a watch 10
          a watch: 0
        a watch 11
          a watch: 0
        a watch 12
          a watch: 0
        a watch 13
          a watch: 0
        a watch 14
          a watch: 0
        a watch 15
          a watch: 0
        a watch 16
          forget watch 16
          a watch: EAGAIN
    "#]],
    );
}
